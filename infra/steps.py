"""The steps of a check: each says `ok`, `FAILED`, or `not run` and why."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

REPOSITORY = Path(__file__).resolve().parents[1]


class NotRun(Exception):
    """Something is not here that the step needs."""


class StepFailed(Exception):
    """What the step was to prove is not so; the text says why."""


@dataclass(frozen=True)
class Step:
    """One thing to be proved; `run` raises NotRun, StepFailed or AssertionError."""

    name: str
    run: Callable[[], object]

    def told(self) -> bool:
        """Run it and say how it went; False if it failed."""
        began = time.monotonic()
        try:
            self.run()
        except NotRun as reason:
            click.echo(f"not run  {self.name}: {reason}")
            return True
        except (StepFailed, AssertionError) as error:
            click.echo(f"FAILED   {self.name}\n{error}")
            return False
        click.echo(f"ok       {self.name} ({time.monotonic() - began:.0f} s)")
        return True


def command(name: str, *words: str, time_limit_s: float = 300.0) -> str:
    """Run a tool; returns what it said. Raises NotRun, StepFailed."""
    if shutil.which(name) is None:
        raise NotRun(f"no {name} here")
    done = subprocess.run(
        [name, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=time_limit_s
    )
    if done.returncode != 0:
        raise StepFailed(done.stdout + done.stderr)
    return done.stdout
