"""Measure several pictures in one engine process, which loads its models once; results are told apart by stem.

OpenFace reports no finished picture, but starts the details file of the next one. It stops at the first picture that
it cannot read and names it: what came before is whole, what comes after was not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.engine.command import EngineTask, arguments, command_for
from service.engine.environment import ENVIRONMENT
from service.engine.failures import unreadable_picture
from service.engine.installed import Engine
from service.engine.masked_log import folder_names, log_head, masked, write_log
from service.engine.run import EngineRun
from service.errors import EngineTimeout
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits, Finished, run_child


@dataclass(frozen=True)
class Unfinished:
    """The part of a batch that was left undone.

    Attributes:
        culprit: the picture at which the run stopped, or that it passed over; None where there is none.
        rest: the pictures behind it, to be run again.
    """

    culprit: int | None
    rest: range


class PictureRuns:
    """The folders and the command line of one process over several pictures, and what it tells about each.

    Args:
        room: a fresh folder for this process alone.
        stems: names of the results; none where they are the pictures' own.
    """

    def __init__(
        self, engine: Engine, task: EngineTask, pictures: Sequence[Path], room: Path, stems: Sequence[str]
    ) -> None:
        self.room = room.resolve()
        self.out, self.logs = self.room / "out", self.room / "logs"
        for folder in (self.out, self.logs):
            folder.mkdir()
        self.argv = arguments(engine, task, pictures, self.out, stems)
        self._command = command_for(task)
        self._names = folder_names(self.room, engine.bin_dir)
        self._masked_argv = tuple(masked(argument, self._names) for argument in self.argv)

    def run_of(self, stem: str, seconds: float, pictures: int, finished: Finished | None = None) -> EngineRun:
        """Describe a picture's run, whose files are whole."""
        stdout, stderr = self.logs / "stdout.log", self.logs / "stderr.log"
        ended = finished or Finished(0, seconds, stdout, stderr, 0)
        log = self.room / f"{stem}.log"
        write_log(log, [path for path in (stdout, stderr) if path.exists()], self._names)
        return EngineRun(
            finished=replace(ended, returncode=0),
            command=self._command,
            argv=self._masked_argv,
            out_dir=self.out,
            log=log,
            log_head=log_head(log),
            log_tail=masked(ended.tail(), self._names),
            stem=stem,
            pictures=pictures,
        )


class Batch:
    """One engine run over several pictures.

    Args:
        room: a fresh folder for this run alone.
        limits: the time is that of one picture.
    """

    def __init__(
        self, engine: Engine, task: EngineTask, pictures: Sequence[Path], room: Path, limits: ChildLimits
    ) -> None:
        self._pictures = list(pictures)
        self._stems = [f"item-{number:03d}" for number in range(len(pictures))]
        self._runs = PictureRuns(engine, task, pictures, room, self._stems)
        self._limits = limits
        self._next = 0
        self._began = self._next_began = time.monotonic()

    def run(self, on_done: Callable[[int, EngineRun], None], watch: Callable[[], None]) -> Unfinished:
        """Run to the end, or to the first picture that cannot be measured.

        Args:
            on_done: called with the number and the run of each picture as soon as its files are whole.
            watch: called often; may raise to stop the run.

        Raises:
            EngineUnavailable: it cannot be started.
        """

        def on_wait() -> None:
            watch()
            while self._next + 1 < len(self._stems) and self._details(self._next + 1).exists():
                self._done(on_done, None)
            if time.monotonic() - self._next_began > self._limits.time_s:
                raise EngineTimeout("stopped over one picture")

        whole = replace(self._limits, time_s=self._limits.time_s * len(self._stems))
        try:
            finished = run_child(
                self._runs.argv,
                cwd=self._runs.room,
                log_dir=self._runs.logs,
                limits=whole,
                on_wait=on_wait,
                env=ENVIRONMENT,
                access=Access(reads=tuple(self._pictures)),
            )
        except EngineTimeout:
            return self._unfinished()
        stopped_at = self._stopped_at(finished)
        while self._next < len(self._stems) and self._is_whole(self._next, finished, stopped_at):
            self._done(on_done, finished)
        return self._unfinished()

    def _stopped_at(self, finished: Finished) -> int | None:
        """Number of the picture that the engine's last words call unreadable; None where they name none."""
        path = unreadable_picture(finished)
        return self._pictures.index(path) if path in self._pictures else None

    def _is_whole(self, number: int, finished: Finished, stopped_at: int | None) -> bool:
        if any(self._details(later).exists() for later in range(number + 1, len(self._stems))):
            return True
        # The engine closes a picture's files before it opens the next picture.
        has_ended_well = finished.returncode == 0 or number + 1 == stopped_at
        return has_ended_well and self._details(number).exists()

    def _unfinished(self) -> Unfinished:
        number = self._next
        if number == len(self._stems):
            return Unfinished(None, range(0))
        return Unfinished(number, range(number + 1, len(self._stems)))

    def _done(self, on_done: Callable[[int, EngineRun], None], finished: Finished | None) -> None:
        number = self._next
        seconds = time.monotonic() - self._next_began
        run = self._runs.run_of(self._stems[number], seconds, len(self._stems), finished)
        self._next += 1
        self._next_began = time.monotonic()
        on_done(number, run)

    def _details(self, number: int) -> Path:
        return self._runs.out / f"{self._stems[number]}_of_details.txt"
