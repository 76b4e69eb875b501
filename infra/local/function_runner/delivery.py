"""Delivers each blob version to every function that wants it: several at once, again after failures.

Separate because retries, back-off and giving up are the host's part in the pipeline's promise of delivery.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra.local.function_runner.blob_watch import SeenBlob
from infra.local.function_runner.sent_versions import SentVersions

MOST_FAILURES = 5
_LONGEST_WAIT_S = 30.0

_log = logging.getLogger("function_runner")


@dataclass(frozen=True)
class Subscriber:
    """A function that takes blobs: which ones, how to call it, and how to give one up."""

    name: str
    wants: Callable[[SeenBlob], bool]
    call: Callable[[SeenBlob], None]
    give_up: Callable[[SeenBlob], None]


@dataclass(frozen=True)
class _Call:
    subscriber: Subscriber
    blob: SeenBlob
    failures: int = 0


class Delivery:
    """At-least-once delivery: a version counts as sent when every subscriber took it or gave it up."""

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        sent: SentVersions,
        *,
        at_once: int = 4,
        first_wait_s: float = 0.5,
    ) -> None:
        self._subscribers = subscribers
        self._sent = sent
        self._first_wait_s = first_wait_s
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="function")
        self._lock = threading.Lock()
        self._open_calls: dict[str, int] = {}
        self._waiting: list[tuple[float, int, _Call]] = []
        self._order = itertools.count()

    def offer(self, blob: SeenBlob) -> None:
        """Deliver this version unless it was, or is being, delivered."""
        subscribers = [subscriber for subscriber in self._subscribers if subscriber.wants(blob)]
        with self._lock:
            if blob.version in self._open_calls or blob.version in self._sent:
                return
            if not subscribers:
                self._sent.add(blob.version)
                return
            self._open_calls[blob.version] = len(subscribers)
        for subscriber in subscribers:
            self._threads.submit(self._run, _Call(subscriber, blob))

    def run_due(self) -> None:
        """Start the calls whose wait after a failure is over."""
        with self._lock:
            due = []
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                due.append(heapq.heappop(self._waiting)[2])
        for call in due:
            self._threads.submit(self._run, call)

    def close(self) -> None:
        """Finish the calls that run; what waits is offered again by the next runner."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, call: _Call) -> None:
        failures = call.failures
        if failures < MOST_FAILURES:
            failures += not self._called(call)
            if failures == call.failures:
                self._settle(call.blob)
                return
        if failures >= MOST_FAILURES and self._given_up(call):
            self._settle(call.blob)
            return
        self._wait_and_retry(_Call(call.subscriber, call.blob, failures))

    def _called(self, call: _Call) -> bool:
        about = {"function": call.subscriber.name, "container": call.blob.container, "blob": call.blob.name}
        try:
            call.subscriber.call(call.blob)
        except Exception as error:
            # Whatever a function raises, the host goes on: it is told, and tried again.
            _log.warning(
                "function.failed",
                extra={"fields": about | {"failures": call.failures + 1, "error": f"{error!r}"}},
            )
            return False
        _log.info("function.called", extra={"fields": about})
        return True

    def _given_up(self, call: _Call) -> bool:
        about = {"function": call.subscriber.name, "container": call.blob.container, "blob": call.blob.name}
        try:
            call.subscriber.give_up(call.blob)
        except Exception as error:
            # Storage is away, too: keep the event until it can be put aside, rather than lose it.
            _log.warning("event.not_moved_aside", extra={"fields": about | {"error": f"{error!r}"}})
            return False
        _log.error("event.moved_aside", extra={"fields": about | {"failures": MOST_FAILURES}})
        return True

    def _wait_and_retry(self, call: _Call) -> None:
        wait_s = min(_LONGEST_WAIT_S, self._first_wait_s * 2 ** (call.failures - 1))
        with self._lock:
            heapq.heappush(self._waiting, (time.monotonic() + wait_s, next(self._order), call))

    def _settle(self, blob: SeenBlob) -> None:
        with self._lock:
            self._open_calls[blob.version] -= 1
            if not self._open_calls[blob.version]:
                del self._open_calls[blob.version]
                self._sent.add(blob.version)
