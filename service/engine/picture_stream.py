"""Measure pictures in one engine process while more of them come, for engines that read the names line by line.

An engine's start costs as much as several pictures, and a list on its command line is closed when it starts. Here each
picture is handed over when it is there, and answered as soon as its files are written.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from service.engine.batch import PictureRuns, Unfinished
from service.engine.command import EngineTask
from service.engine.environment import ENVIRONMENT
from service.engine.installed import Engine
from service.engine.run import EngineRun
from service.errors import EngineTimeout
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits, run_child

BY_LINE = Path("-")
"""In place of a picture on the command line: their paths come as lines on standard input."""
ANSWERS_READ = 4096


class _NothingToShow(Exception):
    """A picture was answered, and has no files."""


class PictureStream:
    """One engine run over pictures that come one after another.

    Args:
        room: a fresh folder for this run alone; the pictures lie in it, and their stems name their results.
        limits: the time is that of one picture.
    """

    def __init__(self, engine: Engine, task: EngineTask, room: Path, limits: ChildLimits) -> None:
        self._runs = PictureRuns(engine, task, [BY_LINE], room, [])
        self._limits = limits
        self._stems: list[str] = []
        self._done = 0
        self._is_closed = False
        self._next_began = time.monotonic()

    def run(
        self,
        more: Callable[[int], Sequence[Path] | None],
        on_done: Callable[[int, EngineRun], None],
        watch: Callable[[], None],
    ) -> Unfinished:
        """Run until there are no more pictures, or to the first that cannot be measured.

        Args:
            more: called often with the number of pictures that were handed over and are not done; returns the paths of
                new ones, none where none is there now, None to end.
            on_done: called with the number and the run of each picture as soon as its files are whole.
            watch: called often; may raise to stop the run.

        Raises:
            EngineUnavailable: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)

            def on_wait() -> None:
                theirs.close()
                watch()
                self._read(ours, on_done)
                self._hand_over(ours, more)
                if (self._behind or self._is_closed) and time.monotonic() - self._next_began > self._limits.time_s:
                    raise EngineTimeout("stopped over one picture")

            # Before the start, so that a process that ends at once has a culprit.
            self._hand_over(ours, more)
            with suppress(EngineTimeout, _NothingToShow):
                run_child(
                    self._runs.argv,
                    cwd=self._runs.room,
                    log_dir=self._runs.logs,
                    # Each picture's time is watched above.
                    limits=replace(self._limits, time_s=float("inf")),
                    on_wait=on_wait,
                    env=ENVIRONMENT,
                    access=Access(reads=(self._runs.room,)),
                    stdin=theirs.fileno(),
                )
            with suppress(_NothingToShow):
                self._read(ours, on_done)
        if not self._behind:
            return Unfinished(None, range(0))
        return Unfinished(self._done, range(self._done + 1, len(self._stems)))

    @property
    def _behind(self) -> int:
        return len(self._stems) - self._done

    def _read(self, line: socket.socket, on_done: Callable[[int, EngineRun], None]) -> None:
        """Take the answers that have come, one line for each picture. Raises _NothingToShow."""
        answers = b""
        with suppress(BlockingIOError, ConnectionResetError):
            answers = line.recv(ANSWERS_READ)
        for _ in range(min(answers.count(b"\n"), self._behind)):
            if not (self._runs.out / f"{self._stems[self._done]}_of_details.txt").exists():
                # A picture without a face has this file, and no other.
                raise _NothingToShow
            seconds = time.monotonic() - self._next_began
            run = self._runs.run_of(self._stems[self._done], seconds, pictures=self._done + 1)
            self._done += 1
            self._next_began = time.monotonic()
            on_done(self._done - 1, run)

    def _hand_over(self, line: socket.socket, more: Callable[[int], Sequence[Path] | None]) -> None:
        if self._is_closed:
            return
        pictures = more(self._behind)
        # A process that has gone is seen to have ended.
        with suppress(OSError):
            if pictures is None:
                self._is_closed = True
                self._next_began = time.monotonic()
                line.shutdown(socket.SHUT_WR)
            elif pictures:
                if not self._behind:
                    self._next_began = time.monotonic()
                self._stems += [picture.stem for picture in pictures]
                line.sendall("".join(f"{picture}\n" for picture in pictures).encode())
