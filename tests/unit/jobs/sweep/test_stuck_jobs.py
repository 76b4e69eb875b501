"""Which unfinished jobs no worker will ever finish, and what is sent for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from service.errors import EngineCrashed
from service.jobs.backend import JobBackend
from service.jobs.job import QueuedJob
from service.jobs.record import JobRecord, now
from service.jobs.sweep.finding import Found
from service.jobs.sweep.stuck_jobs import SENT_WITHIN, unsettled
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInTable

THEN = now() - timedelta(hours=1)
QUEUED = JobRecord(job(), "", THEN, age_s=3600)
RUNNING = replace(QUEUED.claimed("me", "a1", 60, THEN), age_s=3600)
FAILED = replace(RUNNING.failed(EngineCrashed(), THEN), age_s=3600)
TEXT = QueuedJob(job(), "").encode()
GRACE_S = 600


@dataclass
class Table(StandInTable):
    def unsettled(self) -> Iterator[JobRecord]:
        yield from self.records.values()


@dataclass
class Backend:
    """Stand-in of the stores; `oldest` is when the message at the queue's head was put in."""

    oldest: datetime | None = None
    table: Table = field(default_factory=Table)
    sent: list[str] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)

    @property
    def queue(self) -> Backend:
        return self

    def oldest_waiting(self) -> datetime | None:
        return self.oldest

    def send(self, text: str) -> None:
        self.sent.append(text)

    def send_to_poison(self, text: str) -> None:
        self.poisoned.append(text)

    def found(self, record: JobRecord, grace_s: float = GRACE_S) -> list[Found]:
        self.table.put(record)
        return list(unsettled(cast(JobBackend, self), now() - timedelta(seconds=grace_s)))


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.mark.parametrize(
    ("record", "kind", "sent", "poisoned"),
    [
        (QUEUED, "job without a message", [TEXT], []),
        (RUNNING, "record stuck", [TEXT], []),
        (FAILED, "not set aside", [], [TEXT]),
    ],
)
def test_each_kind_is_mended_by_its_message(
    backend: Backend, record: JobRecord, kind: str, sent: list[str], poisoned: list[str]
) -> None:
    [found] = backend.found(record)
    assert found.finding.kind == kind
    assert abs(now() - found.finding.since - timedelta(seconds=record.age_s)) < timedelta(seconds=30)
    found.mend()
    assert (backend.sent, backend.poisoned) == (sent, poisoned)
    assert backend.table.records[record.job.job_id].poisoned is bool(poisoned)


@pytest.mark.parametrize(
    ("after", "lost"),
    [(SENT_WITHIN + timedelta(seconds=1), True), (SENT_WITHIN, False), (timedelta(0), False), (-SENT_WITHIN, False)],
)
def test_a_message_older_than_the_queues_head_is_no_longer_in_it(
    backend: Backend, after: timedelta, lost: bool
) -> None:
    backend.oldest = THEN + after
    assert [found.finding.kind for found in backend.found(QUEUED)] == ["job without a message"] * lost


@pytest.mark.parametrize(("age_s", "is_found"), [(GRACE_S - 5, False), (GRACE_S + 5, True)])
def test_what_was_written_a_moment_ago_is_under_way(backend: Backend, age_s: float, is_found: bool) -> None:
    assert bool(backend.found(replace(QUEUED, age_s=age_s))) is is_found


def test_a_job_that_a_worker_holds_is_left_to_it(backend: Backend) -> None:
    assert backend.found(replace(RUNNING, age_s=30), grace_s=5) == []
    assert backend.found(replace(RUNNING, age_s=61), grace_s=5) != []
