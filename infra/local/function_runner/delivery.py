"""Deliver each blob version to every function that takes it: several at once, again after failures.

Separate because retries, back-off, time limits and giving up are the host's part of at-least-once delivery.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from infra.local.function_runner.blob_listing import BlobVersion
from infra.local.function_runner.delivered_versions import DeliveredVersions

MOST_FAILURES = 5
_LONGEST_WAIT_S = 30.0

_log = logging.getLogger("function_runner")


@dataclass(frozen=True)
class Subscriber:
    """A function that takes blobs.

    Attributes:
        wants: whether it takes a blob.
        call: deliver a blob; raises where the function does.
        give_up: put a blob aside after MOST_FAILURES.
        time_limit_s: a delivery that lasts longer has failed, although the function goes on; None: no limit.
    """

    name: str
    wants: Callable[[BlobVersion], bool]
    call: Callable[[BlobVersion], None]
    give_up: Callable[[BlobVersion], None]
    time_limit_s: float | None = None


class _Attempt:
    """One delivery of a blob to a subscriber; settled once, by its own end or by the time limit."""

    def __init__(self, subscriber: Subscriber, blob: BlobVersion, failures: int = 0) -> None:
        self.subscriber, self.blob, self.failures = subscriber, blob, failures
        self.begun_s = time.monotonic()
        self.is_settled = False

    @property
    def is_overdue(self) -> bool:
        limit_s = self.subscriber.time_limit_s
        return limit_s is not None and time.monotonic() - self.begun_s > limit_s

    @property
    def fields(self) -> dict[str, object]:
        """The fields of every log line about it."""
        return {"function": self.subscriber.name, "container": self.blob.container, "blob": self.blob.name}


class Delivery:
    """At-least-once delivery: a version is delivered when every subscriber took it or gave it up."""

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        delivered: DeliveredVersions,
        threads: Executor,
        *,
        first_wait_s: float = 0.5,
    ) -> None:
        self._subscribers = subscribers
        self._delivered = delivered
        self._threads = threads
        self._first_wait_s = first_wait_s
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._running: set[_Attempt] = set()
        self._waiting: list[tuple[float, int, _Attempt]] = []
        self._order = itertools.count()

    def offer(self, blob: BlobVersion) -> None:
        """Deliver this version unless it was, or is being, delivered."""
        subscribers = [subscriber for subscriber in self._subscribers if subscriber.wants(blob)]
        with self._lock:
            if blob.key in self._open or blob.key in self._delivered:
                return
            if not subscribers:
                self._delivered.add(blob.key)
                return
            self._open[blob.key] = len(subscribers)
        for subscriber in subscribers:
            self._start(subscriber, blob, 0)

    def run_due(self) -> None:
        """Fail the attempts that are over their time limit, and start those whose wait is over."""
        with self._lock:
            overdue = [attempt for attempt in self._running if attempt.is_overdue]
            due = []
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                due.append(heapq.heappop(self._waiting)[2])
        for attempt in overdue:
            self._failed(attempt, f"no answer within {attempt.subscriber.time_limit_s} s")
        for attempt in due:
            self._start(attempt.subscriber, attempt.blob, attempt.failures)

    def _start(self, subscriber: Subscriber, blob: BlobVersion, failures: int) -> None:
        attempt = _Attempt(subscriber, blob, failures)
        with self._lock:
            self._running.add(attempt)
        # The time in which it waits for a thread counts, as it does for Event Grid.
        self._threads.submit(self._run, attempt)

    def _run(self, attempt: _Attempt) -> None:
        if attempt.failures >= MOST_FAILURES:
            self._give_up(attempt)
            return
        try:
            attempt.subscriber.call(attempt.blob)
        except Exception as error:
            # Whatever a function raises, the host goes on, and delivers the event again.
            self._failed(attempt, repr(error))
        else:
            self._succeeded(attempt)

    def _succeeded(self, attempt: _Attempt) -> None:
        if self._settle(attempt):
            _log.info("function.called", extra={"fields": attempt.fields})
            self._close(attempt.blob)
        else:
            _log.warning("function.answered_too_late", extra={"fields": attempt.fields})

    def _failed(self, attempt: _Attempt, reason: str) -> None:
        if not self._settle(attempt):
            return
        attempt.failures += 1
        _log.warning(
            "function.failed", extra={"fields": attempt.fields | {"failures": attempt.failures, "error": reason}}
        )
        self._wait(attempt, 0.0 if attempt.failures >= MOST_FAILURES else self._wait_s(attempt))

    def _give_up(self, attempt: _Attempt) -> None:
        self._settle(attempt)
        try:
            attempt.subscriber.give_up(attempt.blob)
        except Exception as error:
            # Storage is away, too: keep the event until it can be put aside, rather than lose it.
            _log.warning("event.not_moved_aside", extra={"fields": attempt.fields | {"error": f"{error!r}"}})
            self._wait(attempt, self._wait_s(attempt))
        else:
            _log.error("event.moved_aside", extra={"fields": attempt.fields | {"failures": attempt.failures}})
            self._close(attempt.blob)

    def _settle(self, attempt: _Attempt) -> bool:
        """Whether this is the attempt's first end."""
        with self._lock:
            is_first, attempt.is_settled = not attempt.is_settled, True
            self._running.discard(attempt)
        return is_first

    def _wait_s(self, attempt: _Attempt) -> float:
        return min(_LONGEST_WAIT_S, self._first_wait_s * float(2 ** (attempt.failures - 1)))

    def _wait(self, attempt: _Attempt, seconds: float) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._order), attempt))

    def _close(self, blob: BlobVersion) -> None:
        with self._lock:
            self._open[blob.key] -= 1
            if not self._open[blob.key]:
                del self._open[blob.key]
                self._delivered.add(blob.key)
