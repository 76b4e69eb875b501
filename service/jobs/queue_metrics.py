"""The queues as numbers: looked at when they are asked for, at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.errors import StorageUnavailable
from service.jobs.job_queue import JobQueue
from service.jobs.record import now

KEPT_S = 10.0
PATIENCE_S = 3.0
"""Whoever collects numbers gives up after ten seconds, and would have none of them."""

LENGTH, AGE, POISON = "media_queue_length", "media_queue_oldest_age_seconds", "media_poison_length"
MEANINGS = {
    LENGTH: "About how many messages wait or are in work.",
    AGE: "How long the first that waits has been in the queue; 0: none waits.",
    POISON: "About how many messages are set aside.",
}


@dataclass(frozen=True)
class _Look:
    at: float
    told: dict[str, float]


class QueueMetrics(Collector):
    """Tells length and age of the queue; nothing at all, rather than zeros, while storage is away."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="queue-watch")
        self._lock = threading.Lock()
        self._last: Future[_Look] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            told = self._look().result(PATIENCE_S).told
        except (StorageUnavailable, NotYet):
            return
        for name, value in told.items():
            yield GaugeMetricFamily(name, MEANINGS[name], value)

    def _look(self) -> Future[_Look]:
        """The last look, or one that begins where that is too old; one at a time."""
        with self._lock:
            last = self._last
            if last is None or (last.done() and _is_old(last)):
                last = self._last = self._looker.submit(self._ask)
            return last

    def _ask(self) -> _Look:
        oldest = self._queue.oldest_waiting()
        told = {
            LENGTH: float(self._queue.length()),
            AGE: max(0.0, (now() - oldest).total_seconds()) if oldest else 0.0,
            POISON: float(self._queue.poison_length()),
        }
        return _Look(time.monotonic(), told)


def _is_old(look: Future[_Look]) -> bool:
    return look.exception() is not None or time.monotonic() - look.result().at > KEPT_S
