"""A sample of a room's faults, each run against the tests that cover its line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from importlib.util import cache_from_source
from pathlib import Path

from coverage import CoverageData

from tests.campaigns.mutants.mutations import Mutation, mutations

PLUGIN = Path(__file__).resolve().parent
LIMIT_S = 180.0


@dataclass(frozen=True)
class Mutant:
    """One fault in one file."""

    file: str
    mutation: Mutation

    def shown(self, tree: Path) -> str:
        line = (tree / self.file).read_text("utf-8").splitlines()[self.mutation.line - 1].strip()
        return f"{self.file}:{self.mutation.line}  {line}  ->  {' '.join(self.mutation.text.split())}"


def sampled(tree: Path, paths: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw faults of the files below `paths`, which are files or folders of the tree."""
    files = sorted(file for path in paths for file in _modules(tree / path))
    every = [Mutant(str(file.relative_to(tree)), each) for file in files for each in mutations(file.read_bytes())]
    return random.Random(seed).sample(every, min(count, len(every)))


def _modules(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))


@dataclass(frozen=True)
class Covering:
    """What a covering run has written."""

    folder: Path

    @cached_property
    def _seconds(self) -> dict[str, float]:
        every: dict[str, float] = {}
        for file in self.folder.glob("*.seconds.json"):
            every.update(json.loads(file.read_text("utf-8")))
        return every

    @cached_property
    def _data(self) -> list[CoverageData]:
        every = [CoverageData(str(file)) for file in self.folder.glob("*.coverage")]
        for each in every:
            each.read()
        return every

    def tests(self, mutant: Mutant, seconds: float) -> list[str]:
        """The cheapest tests that run the mutant's line, as many as end within `seconds`, one at least.

        Else those of its file, as for what runs when it is imported; else those of its folder, as for a file that only
        children run: their callers are there.
        """
        lines = self._lines(mutant.file)
        own = lines[mutant.mutation.line] or set().union(*lines.values()) or self._of_folder(mutant.file)
        cheapest: list[str] = []
        spent = 0.0
        for name in sorted(own & self._seconds.keys(), key=self._seconds.__getitem__):
            spent += self._seconds[name]
            if cheapest and spent > seconds:
                break
            cheapest.append(name)
        return cheapest

    def _of_folder(self, file: str) -> set[str]:
        folder = str(Path(file).parent)
        beside = {each for data in self._data for each in data.measured_files() if str(Path(each).parent) == folder}
        return {test for each in beside for found in self._lines(each).values() for test in found}

    def _lines(self, file: str) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for data in self._data:
            for line, contexts in data.contexts_by_lineno(file).items():
                found[line] |= {each for each in contexts if each}
        return found


def cover(tree: Path, tests: list[str], folder: Path) -> Covering:
    """Run the tests once, two files at a time, and keep what each covers; a failing test covers nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    _pytest(tree, ["-n", "2", "--dist", "loadfile", "-p", "covering", *tests], {"COVERING_FOLDER": str(folder)})
    if not list(folder.glob("*.seconds.json")):
        raise RuntimeError("the covering run has not come to its end")
    return Covering(folder)


def is_killed(tree: Path, mutant: Mutant, tests: list[str], folder: Path) -> bool:
    """Put the fault into the tree, run the tests until one fails, take it out."""
    if not tests:
        return False
    file = tree / mutant.file
    source = file.read_bytes()
    names = folder / "tests.txt"
    names.write_text("\n".join(tests), "utf-8")
    _write(file, mutant.mutation.applied(source))
    try:
        return _pytest(tree, ["-x", "-n", "0", "--timeout", "60", f"@{names}"], {}) != 0
    finally:
        _write(file, source)


def _write(file: Path, source: bytes) -> None:
    """Write a module; what is compiled of it is known by size and second alone, which may be those of before."""
    file.write_bytes(source)
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


def _pytest(tree: Path, arguments: list[str], environ: dict[str, str]) -> int:
    """Exit code of pytest, or of being stopped: a fault that waits for ever is found."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    path = os.pathsep.join(filter(None, [str(PLUGIN), os.environ.get("PYTHONPATH")]))
    more = {"PYTHONPATH": path, **environ}
    limit = LIMIT_S if "-x" in arguments else None
    with (Path(os.devnull)).open("w") as nothing:
        # A group to be ended whole; in a session of its own it would not stay as nice as its caller.
        child = subprocess.Popen(
            argv, cwd=tree, env={**os.environ, **more}, stdout=nothing, stderr=nothing, process_group=0
        )
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            # As Ctrl-C does: the tests stop what they have started.
            child.send_signal(signal.SIGINT)
            time.sleep(5)
            os.killpg(child.pid, signal.SIGKILL)
            return child.wait()
