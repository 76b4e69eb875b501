"""One media item through the engine: its command and its run first, then the table that it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.engine.command import arguments, command_for
from service.engine.installed import Engine
from service.engine.output import collect
from service.engine.table import Table
from service.jobs.job import AnalysisJob
from service.sandbox.ffmpeg_options import ENVIRONMENT
from service.sandbox.process import LOG_BYTES, ChildLimits, Finished, clean, run_child

STEM = "media"
"""Name of the engine's files in our own folder; the upload's name never reaches a command line."""


WORDS_CHARACTERS = 8192
"""What a picture's manifest holds of the engine's own words."""


class Measurable(Protocol):
    """Media as the engine takes it: a file, and how many frames it should give (None: nobody knows)."""

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
        argv: its arguments, with our folders named instead of shown.
        out_dir: what it wrote.
        log: its own words, both streams, folders named instead of shown.
        tail: the end of them, for errors.
        words: the beginning of them, for the manifest.
        stem: of this media's files in `out_dir`.
        pictures: that went through the same process.
    """

    finished: Finished
    command: str
    argv: tuple[str, ...]
    out_dir: Path
    log: Path
    tail: str
    words: str
    stem: str = STEM
    pictures: int = 1


def run_engine(
    engine: Engine,
    job: AnalysisJob,
    media: Measurable,
    room: Path,
    limits: ChildLimits,
    watch: Callable[[float], None] = lambda fraction: None,
) -> EngineRun:
    """Run the engine on one prepared media item.

    Args:
        room: this item's folder; gets `engine/` (must not exist yet) and `openface.log`.
        watch: called every 0.02 to 0.2 s with the share of frames done (0 to 1); may raise to stop the run.

    Raises:
        AnalysisError: see `run_child`.
    """
    room = room.resolve()
    work = room / "engine"
    out_dir, log_dir = work / "out", work / "logs"
    for folder in (work, out_dir, log_dir):
        folder.mkdir()
    argv = arguments(engine, job, media.path.resolve(), out_dir, STEM)
    progress = _Progress(out_dir / f"{STEM}.csv", media.frames_expected)
    hide = names_in(room, engine.bin_dir)
    log = room / "openface.log"
    try:
        finished = run_child(
            argv,
            cwd=work,
            log_dir=log_dir,
            limits=limits,
            on_wait=lambda: watch(progress.fraction()),
            env=ENVIRONMENT,
        )
    finally:
        write_log(log, sorted(log_dir.iterdir(), reverse=True), hide)
    shown = tuple(hidden(argument, hide) for argument in argv)
    return EngineRun(finished, command_for(job), shown, out_dir, log, hidden(finished.tail(), hide), words_of(log))


def read_table(job: AnalysisJob, run: EngineRun, publish_as: Path) -> Table:
    """The table that a run left, checked, and written as it is published.

    Raises:
        AnalysisError: see `collect`.
    """
    return collect(job, run.finished, run.tail, run.out_dir, run.stem, publish_as)


def words_of(log: Path) -> str:
    """The beginning of a log, as a manifest can hold it."""
    with log.open(encoding="utf-8") as file:
        return file.read(WORDS_CHARACTERS)


def hidden(text: str, folders: Mapping[str, str]) -> str:
    """The text with our folders named; manifests and logs leave this machine."""
    for folder, name in sorted(folders.items(), key=lambda item: -len(item[0])):
        text = text.replace(folder, name)
    return text


def names_in(room: Path, bin_dir: Path) -> dict[str, str]:
    """What stands for our folders in manifests and logs."""
    names = {str(room): "$WORKSPACE", str(bin_dir): "$OPENFACE_BIN_DIR"}
    if len(bin_dir.parts) > 2:
        # Engines keep their models beside the commands' folder, and log where.
        names[str(bin_dir.parent)] = "$OPENFACE_BIN_DIR/.."
    return names


class _Progress:
    """Counts the rows of the growing table; OpenFace's own percentages arrive all at once, at the end."""

    def __init__(self, csv: Path, frames: int | None) -> None:
        self._csv = csv
        self._frames = frames
        self._offset = 0
        self._lines = 0

    def fraction(self) -> float:
        """Share of the expected frames that have a row; 0 while nothing is known."""
        if not self._frames or not self._csv.is_file():
            return 0.0
        with self._csv.open("rb") as file:
            file.seek(self._offset)
            while block := file.read(1 << 20):
                self._lines += block.count(b"\n")
                self._offset += len(block)
        return min(max(self._lines - 1, 0) / self._frames, 1.0)


def write_log(log: Path, parts: Iterable[Path], hide: Mapping[str, str]) -> None:
    """All of a run's words, with our folders named."""
    with log.open("w", encoding="utf-8") as out:
        for part in parts:
            with part.open("rb") as file:
                text = file.read(2 * LOG_BYTES).decode("utf-8", "replace")
            out.write(hidden(clean(text), hide))
