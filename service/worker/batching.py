"""Questions that wait are answered together.

Whoever has a question asks, and waits. When a turn is free it takes what waits: one question if there is one, up to a
batch of those that go together if there are more, shared among the turns that are free. So nothing ever waits for
others to come, and what is paid once a batch is paid once for whatever has gathered meanwhile.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

LOOK_S = 0.1


class CallerGone(Exception):
    """Nobody waits for this answer any more."""


class PendingRequest(Generic[Q, A]):
    """A question that waits for its turn, or has it.

    Attributes:
        alone: to be answered by itself, and its asker stays until it is.
        progress: 0 to 1, for the asker.
        is_dropped: the asker has gone.
    """

    def __init__(self, question: Q, *, alone: bool) -> None:
        self.question = question
        self.alone = alone
        self.progress = 0.0
        self.is_dropped = False
        self.has_turn = False
        self._ended = threading.Event()
        self._answer: A | None = None
        self._error: BaseException | None = None

    def end(self, answer: A) -> None:
        """Give the answer."""
        if not self._ended.is_set():
            self._answer = answer
            self._ended.set()

    def fail(self, error: BaseException) -> None:
        """There is no answer, and why."""
        if not self._ended.is_set():
            self._error = error
            self._ended.set()

    def wait(self, seconds: float | None) -> bool:
        """Whether it has ended, after so long at most."""
        return self._ended.wait(seconds)

    def answer(self) -> A:
        """The answer, once it has ended. Raises what it failed with."""
        if self._error:
            raise self._error
        return self._answer  # type: ignore[return-value]


class Batcher(Generic[Q, A]):
    """Answers questions from many threads on a few of its own.

    Args:
        act: ends or fails each of the questions that it is given.
        turns: how many batches are in work at once.
        most: questions in a batch.
        go_together: whether two questions can be in one batch.
    """

    def __init__(
        self,
        act: Callable[[list[PendingRequest[Q, A]]], None],
        *,
        turns: int,
        most: int,
        go_together: Callable[[Q, Q], bool],
        name: str,
    ) -> None:
        self._act = act
        self._turns = turns
        self._most = most
        self._go_together = go_together
        self.lock = threading.Lock()
        self._waiting: list[PendingRequest[Q, A]] = []
        self._busy = 0
        self._pool = ThreadPoolExecutor(turns, thread_name_prefix=name)

    def ask(self, question: Q, watch: Callable[[float], None], *, alone: bool) -> A:
        """Wait for the answer; `watch` is told the progress many times a second, and may raise to give it up."""
        asked: PendingRequest[Q, A] = PendingRequest(question, alone=alone)
        with self.lock:
            self._waiting.append(asked)
        self._pool.submit(self._serve)
        try:
            while not asked.wait(LOOK_S):
                watch(asked.progress)
        except BaseException:
            self._give_up(asked)
            raise
        return asked.answer()

    def keep(self, asked: PendingRequest[Q, A]) -> bool:
        """From now on the asker stays until it is answered; False where it has gone, and its folder with it."""
        with self.lock:
            asked.alone = not asked.is_dropped
            return asked.alone

    def _give_up(self, asked: PendingRequest[Q, A]) -> None:
        with self.lock:
            asked.is_dropped = True
            if not asked.has_turn:
                self._waiting.remove(asked)
                return
        if asked.alone:
            # It works in the asker's folder, which goes when the asker does.
            asked.wait(None)

    def _serve(self) -> None:
        taken = self._take()
        if not taken:
            return
        try:
            self._act(taken)
        except BaseException as error:
            for asked in taken:
                asked.fail(error)
        finally:
            # Whoever left meanwhile may still wait for its folder to be free.
            for asked in taken:
                asked.fail(CallerGone())
            with self.lock:
                self._busy -= 1

    def _take(self) -> list[PendingRequest[Q, A]]:
        """The question that waits longest, and those that go with it: a fair share for each turn that is free."""
        with self.lock:
            if not self._waiting:
                return []
            taken = self._together(self._waiting[0])
            for asked in taken:
                self._waiting.remove(asked)
                asked.has_turn = True
            self._busy += 1
            return taken

    def _together(self, first: PendingRequest[Q, A]) -> list[PendingRequest[Q, A]]:
        if first.alone:
            return [first]
        alike = [
            other
            for other in self._waiting
            if not other.alone and (other is first or self._go_together(first.question, other.question))
        ]
        free = self._turns - self._busy
        return alike[: min(self._most, math.ceil(len(alike) / free))]
