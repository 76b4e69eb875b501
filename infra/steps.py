"""The steps of a check: each prints `ok`, `FAILED`, or `not run` with the reason."""

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
    """A tool or file that the step needs is missing."""


class StepFailed(Exception):
    """The check found a fault; the text names it."""


@dataclass(frozen=True)
class Step:
    """One check; `run` raises NotRun, StepFailed or AssertionError."""

    name: str
    run: Callable[[], object]

    def succeeds(self) -> bool:
        """Run the step and print its outcome; False if it failed."""
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
    """Run a tool; return its standard output. Raises NotRun, StepFailed."""
    if shutil.which(name) is None:
        raise NotRun(f"no {name} here")
    done = subprocess.run(
        [name, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=time_limit_s
    )
    if done.returncode != 0:
        raise StepFailed(done.stdout + done.stderr)
    return done.stdout
