"""`python -m benchmarks.confinement`: how much longer children take to start because they give up rights.

Confined and unconfined starts take turns, so that what slows the machine down slows both. The difference of medians is
what giving up rights costs; a command's whole launcher costs a start of Python besides, which is `launched`.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click

from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.told import machine, new_console
from service.sandbox import confinement
from service.sandbox.confinement import NOTHING_ELSE
from service.sandbox.process import ChildLimits, run_child
from service.sandbox.python_child import run_module
from service.settings import Settings

AT_MOST = Bound(at_most=5.0)
LIMITS = ChildLimits(60.0, 4 << 30, 1 << 20)
COMMAND = "/bin/true"
MODULE = "service.sandbox.child_once"
"""A module that does nothing when it is run, with the imports of a child."""


def _module(folder: Path) -> None:
    run_module(MODULE, [], folder, LIMITS, access=NOTHING_ELSE)


def _command(folder: Path) -> None:
    run_child([COMMAND], cwd=folder, log_dir=folder, limits=LIMITS)


def _bare(folder: Path) -> None:
    subprocess.run([COMMAND], cwd=folder, check=True)


def _seconds(act: Callable[[Path], None], *, sandbox: bool, folder: Path) -> float:
    confinement.configure(Settings.load({"SANDBOX": "on" if sandbox else "off"}))
    began = time.perf_counter()
    act(folder)
    return time.perf_counter() - began


def measure(runs: int) -> list[Judged]:
    """Start each kind of child in turn, confined and not."""
    kinds: dict[str, tuple[Callable[[Path], None], bool]] = {
        "module": (_module, False),
        "confined module": (_module, True),
        "command": (_command, False),
        "confined command": (_command, True),
        "bare": (_bare, False),
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for kind, (act, sandbox) in kinds.items():
                taken[kind].append(_seconds(act, sandbox=sandbox, folder=Path(folder)))
    middle = {kind: 1000 * median(times) for kind, times in taken.items()}
    return [
        Judged("child of a pool: giving up rights", "ms", middle["confined module"] - middle["module"], AT_MOST),
        Judged("engine: giving up rights", "ms", middle["confined command"] - middle["command"]),
        Judged("engine: launched and confined, to bare", "ms", middle["confined command"] - middle["bare"]),
    ]


@click.command()
@click.option("--runs", default=40, show_default=True, help="Starts of each kind.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here.")
def main(runs: int, json_file: Path | None) -> None:
    """Measure what confinement adds to the start of children."""
    facts = machine()
    show_and_write(new_console(), json_file, "confinement", facts, measure(runs), runs=runs)


if __name__ == "__main__":
    main()
