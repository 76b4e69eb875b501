"""A received message's job is claimed by one worker; the message of a job that is not to be had goes its way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from service.errors import EngineCrashed, NotFound, RecordChanged
from service.jobs.job import QueuedJob
from service.jobs.job_queue import JobQueue, Message
from service.jobs.job_table import JobTable, Purged, Removed
from service.jobs.record import JobRecord, now
from service.worker.claim import Claims
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInQueue, StandInTable

JOB = job()
CREATED = now()
QUEUED = JobRecord(JOB, "", CREATED)
RUNNING = QUEUED.claimed("other/1", "a1", 60, CREATED)
FAILED = RUNNING.failed(EngineCrashed(), CREATED)
TEXT = QueuedJob(JOB, "").encode()


@dataclass
class Bench:
    """A worker's claims over stand-ins of its stores."""

    table: StandInTable = field(default_factory=StandInTable)
    queue: StandInQueue = field(default_factory=StandInQueue)

    def claim(self, *, version: str = "", received: int = 1) -> JobRecord | None:
        claims = Claims(cast(JobTable, self.table), cast(JobQueue, self.queue), "me", 60)
        queued = QueuedJob(JOB, "", CREATED if version else None, version)
        return claims.claim(Message("m", "r", TEXT, received), queued)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_message_that_names_its_records_state_is_claimed_without_reading_it(bench: Bench) -> None:
    bench.table.put(QUEUED)
    claimed = bench.claim(version="1")
    assert claimed
    assert claimed.owner.startswith("me/")
    # The one read is the stand-in's own comparison of versions.
    assert bench.table.reads == 1


@pytest.mark.parametrize(("version", "received"), [("", 1), ("1", 2), ("9", 1)])
def test_a_record_is_read_before_its_claim_where_it_may_have_changed(bench: Bench, version: str, received: int) -> None:
    bench.table.put(replace(QUEUED, key_name="lab"))
    claimed = bench.claim(version=version, received=received)
    assert claimed
    assert (claimed.key_name, claimed.attempts) == ("lab", 1)


def test_each_claim_has_an_owner_and_an_attempt_of_its_own(bench: Bench) -> None:
    bench.table.put(QUEUED)
    first = bench.claim()
    assert first
    bench.table.put(replace(first, owner="", lease_until=None))
    second = bench.claim()
    assert second
    assert second.owner != first.owner
    assert second.attempt_id != first.attempt_id
    assert second.attempts == 2


def test_a_message_without_a_record_gets_one_in_lists_too(bench: Bench) -> None:
    claimed = bench.claim()
    assert claimed
    assert [record.job for record in bench.table.state_index.opened] == [JOB]
    assert bench.table.listed == [JOB.job_id]


def test_a_job_that_is_held_is_left_until_its_lease_is_over(bench: Bench) -> None:
    bench.table.put(replace(RUNNING, age_s=20.5))
    assert bench.claim() is None
    assert bench.queue.hidden == [("r", 40)]
    bench.table.put(replace(RUNNING, age_s=60))
    assert bench.claim()


def test_a_job_that_another_claims_at_the_same_moment_is_left_to_it(bench: Bench) -> None:
    bench.table.put(QUEUED)
    bench.table.fails = [RecordChanged("by another")]
    assert bench.claim() is None
    assert bench.queue.hidden == [("r", 1)]


@pytest.mark.parametrize("gone", [Purged("purged"), Removed("succeeded")])
@pytest.mark.parametrize("is_gone", [True, False])
def test_the_message_of_a_purged_job_is_dropped(bench: Bench, gone: NotFound, is_gone: bool) -> None:
    bench.table.gone[JOB.job_id] = gone
    bench.queue.is_gone = is_gone
    assert bench.claim() is None
    assert bench.queue.deleted == ([] if is_gone else ["r"])
    assert bench.table.records == {}


@pytest.mark.parametrize(("received", "rows"), [(1, 0), (2, 1), (3, 1)])
def test_a_finished_jobs_repeated_message_is_dropped_and_its_row_put_right(
    bench: Bench, received: int, rows: int
) -> None:
    done = bench.table.put(RUNNING.succeeded("a1", CREATED))
    assert bench.claim(received=received) is None
    assert bench.queue.deleted == ["r"]
    assert bench.queue.poisoned_texts == []
    assert bench.table.state_index.renewed == [done] * rows


@pytest.mark.parametrize("there", [["no job", TEXT], ["no job"]])
def test_a_failed_jobs_message_is_set_aside_once(bench: Bench, there: list[str]) -> None:
    bench.table.put(replace(FAILED, age_s=60))
    bench.queue.poisoned_texts = list(there)
    assert bench.claim() is None
    assert bench.queue.poisoned_texts == ["no job", TEXT]
    assert bench.table.records[JOB.job_id].poisoned
    assert bench.queue.deleted == ["r"]
    bench.claim(received=2)
    assert bench.queue.poisoned_texts == ["no job", TEXT]
