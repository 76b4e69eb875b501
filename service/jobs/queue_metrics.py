"""Metrics of the queues: read on collection, at most every few seconds."""

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
"""Prometheus gives up a scrape after ten seconds, and would lose all metrics."""

LENGTH, AGE, POISON = "faceline_queue_length", "faceline_queue_oldest_age_seconds", "faceline_poison_length"
SKEW = "faceline_clock_skew_seconds"
MEANINGS = {
    LENGTH: "Approximate number of messages that wait or are in work.",
    AGE: "Age of the oldest visible message; 0: none waits.",
    POISON: "Approximate number of messages in the poison queue.",
    SKEW: "How far this machine's clock is ahead of storage's, to a second.",
}


@dataclass(frozen=True)
class _Reading:
    at: float
    values: dict[str, float]


class QueueMetrics(Collector):
    """Collects lengths and age of the queues; nothing at all, rather than zeros, while storage is away."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="queue-metrics")
        self._lock = threading.Lock()
        self._last: Future[_Reading] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            values = self._reading().result(PATIENCE_S).values
        except (StorageUnavailable, NotYet):
            return
        for name, value in values.items():
            yield GaugeMetricFamily(name, MEANINGS[name], value)

    def _reading(self) -> Future[_Reading]:
        """Return the last reading, or start another if it is too old; one at a time."""
        with self._lock:
            last = self._last
            if last is None or (last.done() and _is_old(last)):
                last = self._last = self._reader.submit(self._read)
            return last

    def _read(self) -> _Reading:
        oldest = self._queue.oldest_waiting()
        length, date = self._queue.length_and_date()
        skew = {SKEW: (now() - date).total_seconds() - 0.5} if date else {}
        values = {
            LENGTH: float(length),
            AGE: max(0.0, (now() - oldest).total_seconds()) if oldest else 0.0,
            POISON: float(self._queue.poison_length()),
            **skew,
        }
        return _Reading(time.monotonic(), values)


def _is_old(reading: Future[_Reading]) -> bool:
    return reading.exception() is not None or time.monotonic() - reading.result().at > KEPT_S
