"""Requests that wait for an engine, and which of them share a run.

A free engine takes what waits: one request if there is one, up to a batch of compatible ones if there are more, shared
among the free engines. A run may take more while it is at work. While pictures are still on their way, a free engine
waits a moment for them: its start costs as much as several pictures.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

LINGER_S = 0.5
"""Longest wait of a free engine for pictures that are being fetched."""


class Request(Protocol):
    """One media item to be measured.

    Attributes:
        alone: in no batch.
    """

    @property
    def alone(self) -> bool: ...

    def goes_with(self, other: Any, /) -> bool:
        """Whether one run can serve both."""
        ...

    def check(self) -> None:
        """Raise where the item is to be given up."""
        ...


Q = TypeVar("Q", bound=Request)
A = TypeVar("A")


class Pending(Generic[Q, A]):
    """A request and its answer to come."""

    def __init__(self, request: Q) -> None:
        self.request = request
        self.answer: Future[A] = Future()

    def is_given_up(self) -> bool:
        """Whether the item was given up, now or before; its answer is then the reason."""
        if not self.answer.done():
            try:
                self.request.check()
            except BaseException as error:
                self.answer.set_exception(error)
        return self.answer.done()


class EngineQueue(Generic[Q, A]):
    """Serves requests in batches on a few threads of its own.

    Args:
        act: answers each request of a batch, or leaves it unanswered where it was given up.
        slots: batches at work at once.
        largest: requests in a batch that begins with one.
    """

    def __init__(self, act: Callable[[list[Pending[Q, A]]], None], *, slots: int, largest: Callable[[Q], int]) -> None:
        self._act = act
        self._slots = slots
        self._largest = largest
        self._changed = threading.Condition()
        self._waiting: list[Pending[Q, A]] = []
        self._expected = 0
        self._busy = 0
        self._closing = False
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="engine")

    @property
    def load(self) -> int:
        """Number of batches at work and of requests that wait."""
        return self._busy + len(self._waiting)

    def expect(self) -> None:
        """Announce a request: engines wait a moment for it. Call `arrived` when it was submitted, or will not be."""
        with self._changed:
            self._expected += 1

    def arrived(self) -> None:
        """Take back one announcement."""
        with self._changed:
            self._expected -= 1
            self._changed.notify_all()

    def submit(self, request: Q) -> Future[A]:
        """Put a request behind those that wait; the future has its answer, or the error for which it was given up."""
        pending: Pending[Q, A] = Pending(request)
        with self._changed:
            self._waiting.append(pending)
            self._changed.notify_all()
        self._pool.submit(self._serve)
        return pending.answer

    @property
    def expects_more(self) -> bool:
        """Whether a request waits or is announced."""
        return bool(self._waiting or self._expected)

    @property
    def can_spare_an_engine(self) -> bool:
        """Whether one may stay idle for what is not announced: nothing waits, and the end is not near."""
        return not self._waiting and not self._closing

    def take_more(self, first: Q, most: int) -> list[Pending[Q, A]]:
        """Take up to `most` waiting requests into a run that began with one like them."""
        with self._changed:
            taken = self._alike(first)[: max(most, 0)]
            self._waiting = [pending for pending in self._waiting if pending not in taken]
            return taken

    def drop_given_up(self) -> None:
        """End the waiting requests of items that are to be given up; those in a run are its own concern."""
        with self._changed:
            waiting = list(self._waiting)
            for pending in waiting:
                # Under the lock, so that no engine takes it meanwhile.
                if pending.is_given_up():
                    self._waiting.remove(pending)

    def close(self) -> None:
        """End the threads once nothing waits."""
        self._closing = True
        self._pool.shutdown()

    def _serve(self) -> None:
        batch = self._next_batch()
        try:
            if batch:
                self._act(batch)
        except BaseException as error:
            for pending in batch:
                if not pending.answer.done():
                    pending.answer.set_exception(error)
        finally:
            with self._changed:
                self._busy -= bool(batch)

    def _next_batch(self) -> list[Pending[Q, A]]:
        """Take the oldest request and those compatible with it, up to a fair share for each free engine."""
        with self._changed:
            self._changed.wait_for(self._is_worth_a_start, LINGER_S)
            if not self._waiting:
                return []
            batch = self._compatible(self._waiting[0])
            self._waiting = [pending for pending in self._waiting if pending not in batch]
            self._busy += 1
            return batch

    def _is_worth_a_start(self) -> bool:
        if not self._waiting or not self._expected or self._waiting[0].request.alone:
            return True
        first = self._waiting[0].request
        return len(self._alike(first)) >= min(self._largest(first), self._expected + 1)

    def _compatible(self, first: Pending[Q, A]) -> list[Pending[Q, A]]:
        if first.request.alone:
            return [first]
        alike = self._alike(first.request)
        return alike[: min(self._largest(first.request), math.ceil(len(alike) / (self._slots - self._busy)))]

    def _alike(self, first: Q) -> list[Pending[Q, A]]:
        return [
            other
            for other in self._waiting
            if not other.request.alone and (other.request is first or first.goes_with(other.request))
        ]
