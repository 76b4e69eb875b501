"""Metrics of the queues are read when they are collected, not too often, and left out while storage is away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import pytest

from service.errors import StorageUnavailable
from service.jobs import queue_metrics as module
from service.jobs.job_queue import JobQueue
from service.jobs.queue_metrics import AGE, LENGTH, POISON, SKEW, QueueMetrics
from service.jobs.record import now

MOMENT = now()


@dataclass
class Queue:
    """Stand-in of the queue: seconds since its head was put in, and by which storage's clock is behind."""

    head_s: float | None = None
    behind_s: float | None = 0.5
    away: bool = False
    reads: int = 0

    def oldest_waiting(self) -> datetime | None:
        self.reads += 1
        if self.away:
            raise StorageUnavailable("away")
        return None if self.head_s is None else MOMENT - timedelta(seconds=self.head_s)

    def length_and_date(self) -> tuple[int, datetime | None]:
        return 7, None if self.behind_s is None else MOMENT - timedelta(seconds=self.behind_s)

    def poison_length(self) -> int:
        return 2


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Callable[[Queue], dict[str, float]]:
    monkeypatch.setattr(module, "now", lambda: MOMENT)
    collectors: dict[int, QueueMetrics] = {}

    def collected(queue: Queue) -> dict[str, float]:
        metrics = collectors.setdefault(id(queue), QueueMetrics(cast(JobQueue, queue)))
        return {family.name: family.samples[0].value for family in metrics.collect()}

    return collected


@pytest.mark.parametrize(
    ("queue", "age", "skew"),
    [
        (Queue(), 0, {SKEW: 0}),
        (Queue(30, 5), 30, {SKEW: 4.5}),
        (Queue(-3, None), 0, {}),
    ],
)
def test_lengths_age_and_skew_are_those_of_the_queue(
    collected: Callable[[Queue], dict[str, float]], queue: Queue, age: float, skew: dict[str, float]
) -> None:
    # Storage's times have whole seconds: on average half a second is missing.
    assert collected(queue) == {LENGTH: 7, POISON: 2, AGE: age, **skew}


def test_a_reading_is_kept_for_a_while(
    collected: Callable[[Queue], dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    assert collected(queue) == collected(queue)
    assert queue.reads == 1
    monkeypatch.setattr(module, "KEPT_S", -1.0)
    collected(queue)
    assert queue.reads == 2


def test_nothing_is_said_while_storage_is_away_and_all_of_it_at_once_afterwards(
    collected: Callable[[Queue], dict[str, float]],
) -> None:
    queue = Queue(away=True)
    assert collected(queue) == {}
    queue.away = False
    assert collected(queue)[LENGTH] == 7
