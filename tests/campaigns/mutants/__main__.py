"""`python -m tests.campaigns.mutants`: a sample of small faults in three rooms, and how many of them the tests find.

Own code, as whole programs for this (mutmut, cosmic-ray) run all faults and all tests: here a fixed sample of each room
meets only the tests that cover its line, which takes minutes. Works on a copy: the checkout is never changed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import click

from tests.campaigns.mutants.sample import Covering, Mutant, cover, is_killed, sampled

REPOSITORY = Path(__file__).resolve().parents[3]
LINKED = ("openface_lite/models", "infra/local/node_modules")
ROOMS = ("jobs=service/jobs", "worker=service/worker", "engine=service/engine")
TESTS = ("tests/unit", "tests/integration")
# So that the 120 faults of the three rooms are through within the 40 minutes, each with a start of pytest.
PROVES_S = 12.0


@click.command()
@click.option("--room", "rooms", multiple=True, default=ROOMS, show_default=True, help="NAME=PATH[,PATH...] to mutate.")
@click.option("--tests", multiple=True, default=TESTS, show_default=True, help="Files or folders that may find faults.")
@click.option("--tree", type=click.Path(path_type=Path), default=REPOSITORY, help="Another checkout of the project.")
@click.option("--each", default=40, show_default=True, help="Faults a room.")
@click.option("--seed", default=1, show_default=True)
@click.option("--minutes", default=40.0, show_default=True, help="Stop then; what was not run is said.")
@click.option("--proves-s", default=PROVES_S, show_default=True, help="Cheapest covering tests run, up to this sum.")
@click.option("--covering", type=click.Path(path_type=Path), help="Keep or reuse the covering run's folder.")
def main(
    rooms: tuple[str, ...],
    tests: tuple[str, ...],
    tree: Path,
    each: int,
    seed: int,
    minutes: float,
    proves_s: float,
    covering: Path | None,
) -> None:
    """Print each fault's verdict with its line, and the killed faults a room."""
    deadline = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(tree, Path(folder) / "tree")
        known = _covering(copy, list(tests), covering or Path(folder) / "covering")
        for room in rooms:
            name, _, paths = room.partition("=")
            _room(copy, known, name, sampled(copy, paths.split(","), each, seed), proves_s, deadline)


def _room(tree: Path, covering: Covering, name: str, mutants: list[Mutant], proves_s: float, deadline: float) -> None:
    run = killed = 0
    for mutant in mutants:
        if time.monotonic() > deadline:
            break
        run += 1
        tests = covering.tests(mutant, proves_s)
        shown = mutant.shown(tree)
        found = is_killed(tree, mutant, tests, tree.parent)
        killed += found
        click.echo(f"{name} {run}: {'killed' if found else 'survived'} ({len(tests)} tests): {shown}")
    missing = f", {len(mutants) - run} not run for want of time" if run < len(mutants) else ""
    click.echo(f"{name}: {killed} of {run} killed{missing}")


def _covering(tree: Path, tests: list[str], folder: Path) -> Covering:
    if list(folder.glob("*.seconds.json")):
        return Covering(folder)
    return cover(tree, tests, folder)


def _copy(tree: Path, to: Path) -> Path:
    """Copy what git knows; link what is fetched."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=tree, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (tree / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, to / name)
    for name in LINKED:
        if not (to / name).exists():
            (to / name).symlink_to((tree / name).resolve())
    return to


if __name__ == "__main__":
    main()
