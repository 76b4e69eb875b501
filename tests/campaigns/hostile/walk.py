"""Media through the real command, `python -m service analyse`, one process a kind, and what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import errors
from service.settings import REPOSITORY, Settings
from service.worker.limits import Limits
from tests.campaigns.hostile.canaries import NAME, Canaries
from tests.campaigns.hostile.system_calls import traced, trespasses

ENDS_S = 10.0
"""How much over its limit a step may be: a child that is stopped has some seconds to go."""
NOT_HIDDEN = """
from service.sandbox import confinement
confinement.hide_process = int
from service.__main__ import main
main()
"""
"""The command, but for one step: it would hide the names that it opens from strace too, where that is not root."""


_COLUMNS = re.compile(r"(frame|face),[A-Za-z0-9_,]+")
_NUMBERS = re.compile(r"[0-9]+(,[-+0-9.eE]*)+")


def known_codes() -> set[str]:
    """The error codes that say something about a file, or about the engine that met it."""
    kinds = [*errors.MediaError.__subclasses__(), *errors.EngineError.__subclasses__(), errors.BadRequest]
    return {kind.code for kind in kinds} - {errors.EngineUnavailable.code}


@dataclass
class Walked:
    """What became of the media of one kind.

    Attributes:
        codes: how many ended how; `analysed` for a result.
        slowest_s: the longest that one of them took.
        peak_memory_bytes: of the largest process: the command, a decoder or the engine.
        faults: what must not be, in words; empty where all is well.
    """

    kind: str
    codes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    peak_memory_bytes: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sandbox:
    """The place of a run: media, canaries, workspace and results in one folder, where nothing else is.

    Attributes:
        traces: whether strace watches, besides the canaries.
    """

    root: Path
    canaries: Canaries
    traces: bool

    @property
    def media(self) -> Path:
        return self.root / "media"

    def make_corpus(self, seed: int, at_most: int | None = None) -> int:
        """Write the corpus, by a process of its own; returns how many files."""
        more = [str(at_most)] if at_most else []
        argv = [
            sys.executable,
            "-m",
            "tests.campaigns.hostile.corpus",
            str(seed),
            str(self.media),
            str(self.canaries.file),
        ]
        done = subprocess.run(
            [*argv, str(self.canaries.port), *more], cwd=REPOSITORY, check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    def walk(self, kind: str) -> Walked:
        """All media of one kind through one process."""
        return self.walk_files(kind, sorted(path for path in (self.media / kind).rglob("*") if path.is_file()))

    def walk_files(self, kind: str, files: list[Path]) -> Walked:
        """These media through one process."""
        room, out, log = (self.root / part / kind.replace(" ", "-") for part in ("workspaces", "results", "traces"))
        for folder in (room, out, log):
            folder.mkdir(parents=True)
        # The canaries notice by themselves, also that they are listed.
        besides = (self.canaries.folder, *(self.root / part for part in ("workspaces", "results", "traces")))
        before = _listing(self.root, besides)
        command = ["analyse", *map(str, files), "--out", str(out), "--again", "--json"]
        argv = [sys.executable, "-m", "service", *command]
        if self.traces:
            argv = traced([sys.executable, "-c", NOT_HIDDEN, *command], log / "trace")
        ended = _run(argv, room)
        walked = Walked(kind, peak_memory_bytes=ended.peak_memory_bytes)
        _count(walked, ended, len(files))
        _check_memory(walked)
        _check_tables(walked, out)
        changed = sorted(_listing(self.root, besides) ^ before)
        walked.faults += [f"changed outside the workspace: {path}" for path in changed]
        walked.faults += [
            f"left in the workspace: {path}" for path in room.rglob("*") if not path.name.endswith("lock")
        ]
        walked.faults += self.canaries.touched()
        if self.traces:
            root = Path(os.path.commonpath([file.parent for file in files]))
            engine = Settings.load().openface_bin_dir.resolve().parents[1]
            readable = (root, *_symlinked(engine))
            walked.faults += [
                *trespasses(log / "trace", (room, out), readable, f"{room}/lock"),
                *_canaries_named(log, self.canaries.folder),
            ]
            shutil.rmtree(log)
        return walked


def how_checked(traces: bool) -> str:
    """Which checks of files and sockets are used, in words."""
    canaries = "canary files watched by inotify, a canary port for TCP and UDP, a listing before and after"
    if traces:
        return f"strace of every process, and {canaries}"
    why = "cannot trace here" if shutil.which("strace") else "is not installed"
    return f"{canaries}; no strace, which {why}"


@dataclass(frozen=True)
class _Ended:
    returncode: int
    output: str
    errors: str
    peak_memory_bytes: int


def _run(argv: list[str], room: Path) -> _Ended:
    """Run to the end; the peak is that of the process or any of its descendants."""
    environ = {
        name: os.environ[name]
        for name in ("PATH", "OPENFACE_BIN_DIR", "SANDBOX", "SANDBOX_READABLE")
        if name in os.environ
    }
    # Without a HOME, Python would look into the list of users.
    environ |= {
        "WORKSPACE": str(room),
        "HOME": str(room),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    output, problems = room.with_suffix(".out"), room.with_suffix(".err")
    with output.open("wb") as out, problems.open("wb") as err:
        child = subprocess.Popen(argv, cwd=room, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    ended = _Ended(child.returncode, output.read_text(), problems.read_text(), usage.ru_maxrss * 1024)
    output.unlink()
    problems.unlink()
    return ended


def _count(walked: Walked, ended: _Ended, files: int) -> None:
    lines = [json.loads(line) for line in ended.output.splitlines()]
    if len(lines) != files or ended.returncode not in (0, 1):
        tail = ended.errors.strip().splitlines()[-3:]
        walked.faults.append(f"the process ended with {ended.returncode} after {len(lines)} of {files}: {tail}")
    for line in lines:
        code = line["error"]["code"] if line["error"] else line["outcome"]
        walked.codes[code] += 1
        if code not in known_codes() | {"analysed"}:
            walked.faults.append(f"{line['file']!r} ended with {code}: {line['error']}")
        if line["manifest"]:
            walked.slowest_s = max(walked.slowest_s, line["manifest"]["seconds"]["total"])
            walked.faults += _over_time(line["file"], line["manifest"])


def _over_time(name: str, manifest: dict[str, Any]) -> Iterator[str]:
    limits = Limits.of(Settings.load({}))
    probed = manifest["media"].get("probe") or {}
    duration_s, media = float(probed.get("duration_s") or 0), limits.of_media
    most_s = {
        "probe": media.probe_time_s,
        "prepare": media.prepare_time_s
        + media.prepare_time_per_gigapixel_s
        * (probed.get("width") or 0)
        * (probed.get("height") or 0)
        * (probed.get("frames") or 0)
        / 1e9,
        "engine": limits.of_engine(duration_s).time_s,
    }
    for step, limit_s in most_s.items():
        taken_s = manifest["seconds"].get(step) or 0.0
        if taken_s > limit_s + ENDS_S:
            yield f"{name!r} took {taken_s:.0f} s in {step}, whose limit is {limit_s:.0f} s"


def _check_memory(walked: Walked) -> None:
    # The engine may take more than a decoder; nothing of this corpus gives it a reason to.
    limit = Limits.of(Settings.load({})).of_media.memory_bytes
    if walked.peak_memory_bytes > limit:
        walked.faults.append(f"a child took {walked.peak_memory_bytes >> 20} MiB; the limit is {limit >> 20} MiB")


def _check_tables(walked: Walked, out: Path) -> None:
    """A table is OpenFace's columns and numbers: nothing that was uploaded, named or guessed gets into one."""
    tables = list(out.rglob("*.csv"))
    if len(tables) != walked.codes["analysed"]:
        walked.faults.append(f"{len(tables)} tables for {walked.codes['analysed']} results")
    for table in tables:
        header, *rows = table.read_text("ascii").splitlines()
        if not _COLUMNS.fullmatch(header) or not all(_NUMBERS.fullmatch(row) for row in rows):
            walked.faults.append(f"more than numbers in {table}")


def _listing(root: Path, besides: tuple[Path, ...]) -> set[tuple[str, int, int]]:
    """Every file with its size and time of change."""
    found = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) not in besides]
        for name in files:
            path = Path(folder, name)
            status = path.lstat()
            found.add((str(path), status.st_size, status.st_mtime_ns))
    return found


def _symlinked(folder: Path) -> list[Path]:
    """The folder, and where links inside it lead: models are often kept elsewhere."""
    return [folder, *(path.resolve() for path in folder.iterdir() if path.is_symlink())]


def _canaries_named(log: Path, folder: Path) -> Iterator[str]:
    """Find attempts to open a canary: a process that only tries would follow a playlist."""
    for part in log.iterdir():
        for line in part.read_text("utf-8", "replace").splitlines():
            if f"{folder.name}/{NAME}" in line:
                yield f"tried: {line[:300]}"
