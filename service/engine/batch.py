"""Several pictures through one engine process, which loads its models once; results are told apart by stem.

OpenFace says nothing about a picture that it has finished, but starts the details file of the next one. It stops at
the first picture that it cannot do: what came before it is whole, what comes after has not been looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.engine.command import batch_arguments, command_for
from service.engine.installed import Engine
from service.engine.run import EngineRun, hidden, names_in, words_of, write_log
from service.errors import EngineTimeout
from service.jobs.job import AnalysisJob
from service.sandbox.ffmpeg_options import ENVIRONMENT
from service.sandbox.process import ChildLimits, Finished, run_child


@dataclass(frozen=True)
class Unfinished:
    """What a batch left undone.

    Attributes:
        culprit: the picture at which it stopped, or that it passed over; None where there is none.
        rest: those behind it, to be run again.
    """

    culprit: int | None
    rest: range


class Batch:
    """One run over several pictures.

    Args:
        room: a fresh folder for this run alone.
        limits: time is that of one picture.
    """

    def __init__(
        self, engine: Engine, job: AnalysisJob, pictures: Sequence[Path], room: Path, limits: ChildLimits
    ) -> None:
        self._engine = engine
        self._command = command_for(job)
        self._room = room.resolve()
        self._out, self._logs = self._room / "out", self._room / "logs"
        for folder in (self._out, self._logs):
            folder.mkdir()
        self._stems = [f"item-{number:03d}" for number in range(len(pictures))]
        self._argv = batch_arguments(engine, job, pictures, self._out, self._stems)
        self._limits = limits
        self._next = 0
        self._began = self._next_began = time.monotonic()

    def run(self, on_done: Callable[[int, EngineRun], None], watch: Callable[[], None]) -> Unfinished:
        """Run to the end, or to the first picture that cannot be done.

        Args:
            on_done: told the number and the run of each picture as soon as it is whole.
            watch: called often; may raise to stop the run.

        Raises:
            EngineUnavailable: it cannot be started.
        """

        def look() -> None:
            watch()
            while self._next + 1 < len(self._stems) and self._details(self._next + 1).exists():
                self._done(on_done, None)
            if time.monotonic() - self._next_began > self._limits.time_s:
                raise EngineTimeout("stopped over one picture")

        whole = replace(self._limits, time_s=self._limits.time_s * len(self._stems))
        try:
            finished = run_child(
                self._argv, cwd=self._room, log_dir=self._logs, limits=whole, on_wait=look, env=ENVIRONMENT
            )
        except EngineTimeout:
            return self._unfinished()
        while self._next < len(self._stems) and self._is_whole(self._next, finished):
            self._done(on_done, finished)
        return self._unfinished()

    def _is_whole(self, number: int, finished: Finished) -> bool:
        behind = range(number + 1, len(self._stems))
        if any(self._details(later).exists() for later in behind):
            return True
        return finished.returncode == 0 and self._details(number).exists()

    def _unfinished(self) -> Unfinished:
        number = self._next
        if number == len(self._stems):
            return Unfinished(None, range(0))
        return Unfinished(number, range(number + 1, len(self._stems)))

    def _done(self, on_done: Callable[[int, EngineRun], None], finished: Finished | None) -> None:
        number = self._next
        seconds = time.monotonic() - self._next_began
        stdout, stderr = self._logs / "stdout.log", self._logs / "stderr.log"
        ended = finished or Finished(0, seconds, stdout, stderr, 0)
        hide = names_in(self._room, self._engine.bin_dir)
        log = self._room / f"{self._stems[number]}.log"
        write_log(log, [path for path in (stdout, stderr) if path.exists()], hide)
        run = EngineRun(
            finished=replace(ended, returncode=0),
            command=self._command,
            argv=tuple(hidden(argument, hide) for argument in self._argv),
            out_dir=self._out,
            stem=self._stems[number],
            log=log,
            words=words_of(log),
            tail=hidden(ended.tail(), hide),
            pictures=len(self._stems),
        )
        self._next += 1
        self._next_began = time.monotonic()
        on_done(number, run)

    def _details(self, number: int) -> Path:
        return self._out / f"{self._stems[number]}_of_details.txt"
