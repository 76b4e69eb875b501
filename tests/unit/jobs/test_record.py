"""The record's moves: never backwards, evictions given back, one holder at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.errors import EngineCrashed, MediaChanged, RecordChanged, ShuttingDown
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now

JOB = AnalysisJob("c", "b.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {}))
QUEUED = JobRecord(job=JOB, traceparent="", created=now())
THEN = now()
RUNNING = QUEUED.claimed("me", "a1", 60, THEN)


def test_claiming_begins_an_attempt() -> None:
    assert (RUNNING.state, RUNNING.attempts, RUNNING.attempt_id, RUNNING.owner) == ("running", 1, "a1", "me")


def test_a_lease_ends_a_lease_after_its_claim_and_after_each_renewal() -> None:
    later = THEN + timedelta(seconds=5)
    renewed = RUNNING.renewed("measure", 0.5, 30, later)
    assert RUNNING.lease_until == THEN + timedelta(seconds=60)
    assert (renewed.lease_until, renewed.lease_s) == (later + timedelta(seconds=30), 30)
    assert (renewed.stage, renewed.progress, renewed.attempts) == ("measure", 0.5, 1)


def test_only_a_living_lease_of_another_holds_a_job() -> None:
    assert RUNNING.held_by_another_s("me") == 0
    assert QUEUED.held_by_another_s("other") == 0
    assert replace(RUNNING, age_s=5.0).held_by_another_s("other") == 55
    assert replace(RUNNING, age_s=61.0).held_by_another_s("other") == 0


def test_a_failed_job_is_held_until_it_is_set_aside() -> None:
    failed = RUNNING.failed(EngineCrashed(), THEN)
    assert replace(failed, age_s=5.0).held_by_another_s("other") == 55
    assert replace(failed, age_s=61.0).held_by_another_s("other") == 0
    assert failed.set_aside().held_by_another_s("other") == 0


@pytest.mark.parametrize("hours", [-24, 24, 24 * 30])
def test_the_holders_clock_does_not_matter(hours: int) -> None:
    elsewhere = QUEUED.claimed("me", "a1", 60, THEN + timedelta(hours=hours))
    assert replace(elsewhere, age_s=5.0).held_by_another_s("other", 60) == 55
    assert replace(elsewhere, age_s=61.0).held_by_another_s("other", 60) == 0


def test_a_record_without_its_lease_is_held_for_the_readers_own() -> None:
    older = replace(RUNNING, lease_s=None, lease_until=THEN + timedelta(days=30), age_s=5.0)
    assert older.held_by_another_s("other", 20) == 15


def test_messages_of_errors_are_shortened_and_made_storable() -> None:
    failed = RUNNING.failed(EngineCrashed("\udc80\x00" + "x" * 100_000), THEN)
    assert len(failed.error_message) <= 4000
    assert failed.error_message.startswith("?\ufffdx")


def test_the_wait_is_known_of_the_first_attempt_alone() -> None:
    queued = replace(QUEUED, created=THEN - timedelta(seconds=5))
    first = queued.claimed("me", "a1", 60, THEN)
    second = first.released(EngineCrashed(), "waiting", counted=True).claimed("me", "a2", 60, THEN)
    assert (queued.waited_s, first.waited_s, second.waited_s) == (None, 5, None)
    assert replace(first, created=THEN + timedelta(seconds=2)).waited_s == 0


def test_a_retry_stays_running_without_an_owner() -> None:
    released = RUNNING.released(EngineCrashed(), "waiting to try again", counted=True)
    assert (released.state, released.owner, released.attempts) == ("running", "", 1)
    assert released.error_code == "engine_crashed"


def test_an_eviction_uses_no_attempt_up() -> None:
    assert RUNNING.released(ShuttingDown(), "handed back", counted=False).attempts == 0


def test_success_forgets_earlier_errors() -> None:
    again = RUNNING.released(EngineCrashed(), "waiting", counted=True).claimed("me", "a2", 60, now())
    done = again.succeeded("a2", now())
    assert (done.state, done.error_code, done.progress, done.attempt_published) == ("succeeded", "", 1.0, "a2")


@pytest.mark.parametrize(
    "ended",
    [
        RUNNING.succeeded("a1", now()),
        RUNNING.failed(EngineCrashed(), now()).set_aside(),
        RUNNING.cancelled(now()),
        RUNNING.superseded("other", MediaChanged(), now()),
    ],
)
def test_an_ended_job_never_begins_again(ended: JobRecord) -> None:
    assert ended.is_finished
    assert ended.owner == ""
    assert ended.finished is not None
    with pytest.raises(RecordChanged):
        ended.claimed("me", "a9", 60, now())
    with pytest.raises(RecordChanged):
        ended.failed(EngineCrashed(), now())
    with pytest.raises(RecordChanged):
        ended.succeeded("a9", now())


def test_two_reads_of_one_record_are_equal() -> None:
    assert replace(RUNNING, age_s=1.0) == replace(RUNNING, age_s=2.0)
