"""Running a job again, cancelling it, and noting its callbacks, whatever happens to its record meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from service.errors import Conflict, NotFound, RecordChanged
from service.jobs.callback_queue import CallbackQueue
from service.jobs.job import QueuedJob
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.jobs.submit import JobSubmitter
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInRows, StandInTable

JOB = job()
QUEUED = JobRecord(JOB, "", now())
RUNNING = QUEUED.claimed("me", "a1", 60, now())
DONE = RUNNING.succeeded("a1", now())
HOOK = "https://lab.net/x"


@dataclass
class Rows(StandInRows):
    closed: list[JobRecord] = field(default_factory=list)

    def close(self, records: list[JobRecord]) -> None:
        self.closed += records


@dataclass
class Studies:
    """The studies of jobs, by id."""

    of: dict[str, list[str]] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)

    def studies_of(self, job_id: str) -> list[str]:
        return self.of.get(job_id, [])

    def join(self, record: JobRecord, study: str) -> None:
        self.of.setdefault(record.job.job_id, []).append(study)

    def enlist(self, study: str, key_name: str) -> None:
        self.of.setdefault(study, []).append(key_name)

    def replace(self, job_id: str) -> None:
        self.replaced.append(job_id)


@dataclass
class Table(StandInTable):
    state_index: Rows = field(default_factory=Rows)
    studies: Studies = field(default_factory=Studies)

    def create(self, record: JobRecord) -> JobRecord:
        return self.records.get(record.job.job_id) or self.put(record)

    def add_to_lists(self, *records: JobRecord) -> None:
        self.index(*records)


@dataclass
class Bench:
    """A submitter over stand-ins of its stores."""

    table: Table = field(default_factory=Table)
    sent: list[QueuedJob] = field(default_factory=list)
    announced: list[tuple[str, str]] = field(default_factory=list)

    def send(self, text: str) -> None:
        self.sent.append(QueuedJob.decode(text))

    def announce(self, job_id: str, addresses: Iterable[str]) -> None:
        self.announced += [(job_id, address) for address in addresses]

    @property
    def submitter(self) -> JobSubmitter:
        return JobSubmitter(cast(JobTable, self.table), cast(JobQueue, self), cast(CallbackQueue, self))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def generation(number: int) -> JobRecord:
    return replace(DONE, job=replace(JOB, generation=number))


def test_a_queued_job_is_sent_again_and_one_that_began_is_not(bench: Bench) -> None:
    first = bench.submitter.submit(JOB, "")
    assert [message.version for message in bench.sent] == [first.version]
    bench.submitter.submit(JOB, "")
    assert len(bench.sent) == 2
    bench.table.put(replace(RUNNING, version=first.version))
    assert bench.submitter.submit(JOB, "").state == "running"
    assert len(bench.sent) == 2


def test_only_a_job_that_this_submission_made_is_left_open(bench: Bench) -> None:
    bench.submitter.submit(JOB, "")
    assert bench.table.state_index.closed == []
    bench.submitter.submit(JOB, "")
    assert len(bench.table.state_index.opened) == 2
    assert bench.table.state_index.closed == bench.table.state_index.opened[1:]


@pytest.mark.parametrize(("key_name", "study"), [("lab", ""), ("", "trial")])
def test_a_record_with_a_key_or_a_study_is_read_before_its_claim(bench: Bench, key_name: str, study: str) -> None:
    bench.submitter.submit(JOB, "", key_name, study)
    assert [(message.created, message.version) for message in bench.sent] == [(None, "")]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_only_a_finished_job_runs_again(bench: Bench, state: str) -> None:
    bench.table.put(QUEUED if state == "queued" else RUNNING)
    with pytest.raises(Conflict, match=state):
        bench.submitter.rerun(JOB.job_id, "")
    with pytest.raises(NotFound):
        bench.submitter.rerun("other", "")


def test_a_job_runs_again_as_its_next_generation_in_its_studies(bench: Bench) -> None:
    bench.table.put(replace(DONE, key_name="lab", study="trial", callbacks=HOOK))
    bench.table.studies.of[JOB.job_id] = ["trial", "other"]
    again = bench.submitter.rerun(JOB.job_id, "")
    assert (again.job.generation, again.state, again.key_name, again.callbacks) == (1, "queued", "lab", HOOK)
    assert set(bench.table.studies.of[again.job.job_id]) == {"trial", "other"}
    assert bench.table.studies.replaced == [JOB.job_id]


def test_finished_generations_are_passed_over_and_one_under_way_is_returned(bench: Bench) -> None:
    for number in (0, 1):
        bench.table.put(generation(number))
    again = bench.submitter.rerun(JOB.job_id, "")
    assert again.job.generation == 2
    assert bench.submitter.rerun(JOB.job_id, "").job == again.job
    assert bench.table.studies.replaced == [generation(1).job.job_id] * 2


@pytest.mark.parametrize(("record", "state", "calls"), [(QUEUED, "cancelled", 1), (RUNNING, "running", 0)])
def test_a_queued_job_ends_at_once_and_a_running_one_is_asked_to(
    bench: Bench, record: JobRecord, state: str, calls: int
) -> None:
    bench.table.put(replace(record, callbacks=HOOK))
    changed = bench.submitter.cancel(JOB.job_id)
    assert (changed.state, changed.cancel_requested) == (state, state == "running")
    assert bench.announced == [(JOB.job_id, HOOK)] * calls


def test_a_finished_job_cannot_be_cancelled(bench: Bench) -> None:
    bench.table.put(DONE)
    with pytest.raises(Conflict):
        bench.submitter.cancel(JOB.job_id)


def test_a_job_that_begins_while_it_is_cancelled_is_asked_to_end(bench: Bench) -> None:
    bench.table.put(RUNNING)
    bench.table.fails = [RecordChanged("by its worker")]
    assert bench.submitter.cancel(JOB.job_id).cancel_requested


@pytest.mark.parametrize(("record", "calls"), [(RUNNING, 0), (DONE, 1)])
def test_callbacks_are_added_once_and_called_at_once_where_the_job_has_ended(
    bench: Bench, record: JobRecord, calls: int
) -> None:
    kept = bench.table.put(replace(record, callbacks="https://lab.net/known"))
    bench.table.fails = [RecordChanged("by its worker")]
    changed = bench.submitter.call_back(kept, f"https://lab.net/known\n{HOOK}")
    assert changed.callbacks == f"https://lab.net/known\n{HOOK}"
    assert bench.announced == [(JOB.job_id, HOOK)] * calls
    again = bench.submitter.call_back(changed, HOOK)
    assert again.version == changed.version


def test_what_is_left_of_a_job_after_its_retention_gets_no_callbacks(bench: Bench) -> None:
    bench.submitter.call_back(replace(DONE, version=""), HOOK)
    assert bench.announced == []
