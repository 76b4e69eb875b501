"""Run the engine on one media item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.engine.command import EngineTask, arguments, command_for
from service.engine.environment import ENVIRONMENT
from service.engine.installed import Engine
from service.engine.masked_log import folder_names, log_head, masked, write_log
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits, Finished, run_child

STEM = "media"
"""Name of the engine's files; the upload's name never reaches a command line."""


class Measurable(Protocol):
    """Media as the engine takes it: a file, and the frames it should give (None: unknown)."""

    @property
    def path(self) -> Path: ...

    @property
    def frames_expected(self) -> int | None: ...


@dataclass(frozen=True)
class EngineRun:
    """A run that ended by itself, well or not.

    Attributes:
        finished: how the command ended.
        command: its name.
        argv: its arguments, with folders masked.
        out_dir: folder of the files that it wrote.
        log: its output, both streams, folders masked.
        log_head: the beginning of the log, for the manifest.
        log_tail: the end of the log, for errors.
        stem: of this media item's files in `out_dir`.
        pictures: number of pictures that the process measured, or until now where more may come.
    """

    finished: Finished
    command: str
    argv: tuple[str, ...]
    out_dir: Path
    log: Path
    log_head: str
    log_tail: str
    stem: str = STEM
    pictures: int = 1

    @property
    def crops(self) -> Path:
        """Folder of the aligned crops; it exists only where they were asked for."""
        return self.out_dir / f"{self.stem}_aligned"


def run_engine(
    engine: Engine,
    task: EngineTask,
    media: Measurable,
    room: Path,
    limits: ChildLimits,
    watch: Callable[[float], None] = lambda fraction: None,
) -> EngineRun:
    """Run the engine on one prepared media item.

    Args:
        room: the item's folder; gets `engine/` (must not exist yet) and `openface.log`.
        watch: called every 0.02 to 0.2 s with the share of frames done (0 to 1); may raise to stop the run.

    Raises:
        AnalysisError: see `run_child`.
    """
    room = room.resolve()
    work = room / "engine"
    out_dir, log_dir = work / "out", work / "logs"
    for folder in (work, out_dir, log_dir):
        folder.mkdir()
    argv = arguments(engine, task, [media.path.resolve()], out_dir, [STEM])
    progress = _Progress(out_dir / f"{STEM}.csv", media.frames_expected)
    names = folder_names(room, engine.bin_dir)
    log = room / "openface.log"
    try:
        finished = run_child(
            argv,
            cwd=work,
            log_dir=log_dir,
            limits=limits,
            on_wait=lambda: watch(progress.fraction()),
            env=ENVIRONMENT,
            access=Access(reads=(media.path.resolve(),)),
        )
    finally:
        write_log(log, sorted(log_dir.iterdir(), reverse=True), names)
    return EngineRun(
        finished=finished,
        command=command_for(task),
        argv=tuple(masked(argument, names) for argument in argv),
        out_dir=out_dir,
        log=log,
        log_head=log_head(log),
        log_tail=masked(finished.tail(), names),
    )


class _Progress:
    """Counts the rows of the growing table; OpenFace's own percentages arrive all at once, at the end.

    An engine that measures parts of a video side by side has their rows in files ``.*.rows`` beside the table.
    """

    def __init__(self, csv: Path, frames: int | None) -> None:
        self._csv = csv
        self._frames = frames
        self._read: dict[Path, tuple[int, int]] = {}
        self._most = 0.0

    def fraction(self) -> float:
        """Share of the expected frames that have a row; 0 while none is known."""
        if not self._frames:
            return 0.0
        header = 1
        rows = self._lines(self._csv) - header + sum(map(self._lines, self._csv.parent.glob(".*.rows")))
        # A part's rows are moved into the table: for a moment they are in neither.
        self._most = min(max(rows / self._frames, self._most), 1.0)
        return self._most

    def _lines(self, path: Path) -> int:
        offset, lines = self._read.get(path, (0, 0))
        try:
            with path.open("rb") as file:
                file.seek(offset)
                while block := file.read(1 << 20):
                    lines += block.count(b"\n")
                    offset += len(block)
        except FileNotFoundError:
            return 0
        self._read[path] = (offset, lines)
        return lines
