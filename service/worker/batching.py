"""Batch concurrent requests into few engine runs.

A caller submits a request and waits. A free slot takes what waits: one request if there is one, up to a batch of
compatible ones if there are more, shared among the free slots. So no request waits for others to come, and the cost
of a run is paid once for all requests that came meanwhile.
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
    """The caller of a request has stopped waiting for its answer."""


class PendingRequest(Generic[Q, A]):
    """A request that waits for a slot, or has one.

    Attributes:
        alone: served by itself; its caller stays until it is answered.
        progress: 0 to 1, for the caller.
        is_dropped: the caller has gone.
    """

    def __init__(self, request: Q, *, alone: bool) -> None:
        self.request = request
        self.alone = alone
        self.progress = 0.0
        self.is_dropped = False
        self.has_slot = False
        self._ended = threading.Event()
        self._answer: A | None = None
        self._error: BaseException | None = None

    def end(self, answer: A) -> None:
        """Give the answer, unless it has one."""
        if not self._ended.is_set():
            self._answer = answer
            self._ended.set()

    def fail(self, error: BaseException) -> None:
        """Answer with an error, unless it has an answer."""
        if not self._ended.is_set():
            self._error = error
            self._ended.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait at most this long; return whether it has ended."""
        return self._ended.wait(seconds)

    def answer(self) -> A:
        """Return the answer once it has ended; raise the error it failed with."""
        if self._error:
            raise self._error
        return self._answer  # type: ignore[return-value]


class Batcher(Generic[Q, A]):
    """Serves requests from many threads in batches on a few threads of its own.

    Args:
        act: ends or fails each request of a batch.
        slots: batches at work at once.
        largest: requests in a batch.
        go_together: whether two requests can share a batch.
    """

    def __init__(
        self,
        act: Callable[[list[PendingRequest[Q, A]]], None],
        *,
        slots: int,
        largest: int,
        go_together: Callable[[Q, Q], bool],
        name: str,
    ) -> None:
        self._act = act
        self._slots = slots
        self._largest = largest
        self._go_together = go_together
        self.lock = threading.Lock()
        self._waiting: list[PendingRequest[Q, A]] = []
        self._busy = 0
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix=name)

    def call(self, request: Q, watch: Callable[[float], None], *, alone: bool) -> A:
        """Wait for the answer; `watch` receives the progress many times a second, and may raise to give up."""
        pending: PendingRequest[Q, A] = PendingRequest(request, alone=alone)
        with self.lock:
            self._waiting.append(pending)
        self._pool.submit(self._serve)
        try:
            while not pending.wait(LOOK_S):
                watch(pending.progress)
        except BaseException:
            self._give_up(pending)
            raise
        return pending.answer()

    def keep_caller(self, pending: PendingRequest[Q, A]) -> bool:
        """Keep the caller until its answer; False where it has gone, and its folder with it."""
        with self.lock:
            pending.alone = not pending.is_dropped
            return pending.alone

    def _give_up(self, pending: PendingRequest[Q, A]) -> None:
        with self.lock:
            pending.is_dropped = True
            if not pending.has_slot:
                self._waiting.remove(pending)
                return
        if pending.alone:
            # It runs in the caller's folder, which is removed when the caller leaves.
            pending.wait(None)

    def _serve(self) -> None:
        batch = self._next_batch()
        if not batch:
            return
        try:
            self._act(batch)
        except BaseException as error:
            for pending in batch:
                pending.fail(error)
        finally:
            # A caller that gave up meanwhile may still wait for its folder to be free.
            for pending in batch:
                pending.fail(CallerGone())
            with self.lock:
                self._busy -= 1

    def _next_batch(self) -> list[PendingRequest[Q, A]]:
        """Take the oldest request and those compatible with it, up to a fair share for each free slot."""
        with self.lock:
            if not self._waiting:
                return []
            batch = self._compatible(self._waiting[0])
            for pending in batch:
                self._waiting.remove(pending)
                pending.has_slot = True
            self._busy += 1
            return batch

    def _compatible(self, first: PendingRequest[Q, A]) -> list[PendingRequest[Q, A]]:
        if first.alone:
            return [first]
        alike = [
            other
            for other in self._waiting
            if not other.alone and (other is first or self._go_together(first.request, other.request))
        ]
        free = self._slots - self._busy
        return alike[: min(self._largest, math.ceil(len(alike) / free))]
