"""A purge ends jobs before it deletes their data; its receipt counts what is gone and names what is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import pytest

from service.errors import EngineCrashed, RecordChanged
from service.jobs.job import QueuedJob
from service.jobs.job_queue import JobQueue, Message
from service.jobs.job_table import JobTable
from service.jobs.purge import Purge, Receipt, Scope
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.storage.azure_blobs import AzureBlobs
from service.storage.folder import FolderBlobs
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInTable

JOB = job()
QUEUED = JobRecord(JOB, "", now())
HELD = QUEUED.claimed("me", "a1", 60, now())
RELEASED = HELD.released(EngineCrashed(), "waiting", counted=True)
DONE = HELD.succeeded("a1", now())
FAILED = HELD.failed(EngineCrashed(), now()).set_aside()
ALL = Scope("box")
ONE = Scope("box", JOB.blob, JOB.job_id)


class Files(FolderBlobs):
    def delete(self, container: str, name: str, etag: str) -> None:
        self.path(container, name).unlink()


@dataclass
class Held:
    """Stand-in of the messages of a queue."""

    texts: list[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def messages(self) -> Iterator[Message]:
        yield from [Message(text, "r", text, 1) for text in self.texts]

    def delete(self, message: Message) -> None:
        self.texts.remove(message.text)


@dataclass
class Table(StandInTable):
    """Records, whose studies and lists are empty."""

    purged: list[str] = field(default_factory=list)

    @property
    def studies(self) -> Table:
        return self

    @property
    def upload_places(self) -> Table:
        return self

    def indexed(self, container: str) -> list[tuple[str, str, str]]:
        return [(job_id, job_id, f"{container}/") for job_id in self.records]

    def several(self, ids: Iterable[str]) -> list[JobRecord]:
        return [self.records[job_id] for job_id in ids if job_id in self.records]

    def purge(self, record: JobRecord) -> None:
        self.purged.append(record.job.job_id)
        del self.records[record.job.job_id]

    def studies_of(self, job_id: str) -> list[str]:
        return []

    def forget(self, *names: Any) -> None:
        pass


@dataclass
class Bench:
    """A purge over stand-ins of its stores, and blobs in a folder."""

    blobs: Files
    table: Table = field(default_factory=Table)
    waiting: list[str] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        index: Any = self.table.state_index
        index.tombstones = lambda cursor, size: ([], "")
        index.open_rows = list

    def hold_waiting(self) -> Held:
        return Held(self.waiting)

    def hold_poisoned(self) -> Held:
        return Held(self.poisoned)

    def put(self, record: JobRecord) -> None:
        """Keep a job with its upload, a result and its messages."""
        self.table.put(record)
        place = ResultPlace.of(record.job, "results")
        text = QueuedJob(record.job, "").encode()
        self.waiting.append(text)
        self.poisoned.append(text)
        self.blobs.upload("box", record.job.blob, b"x", content_type="")
        self.blobs.upload("results", place.csv, b"x", content_type="")

    def forget(self, ids: list[str]) -> int:
        self.forgotten += ids
        return 7 * len(ids)

    @property
    def purge(self) -> Purge:
        blobs, queue, table = cast(AzureBlobs, self.blobs), cast(JobQueue, self), cast(JobTable, self.table)
        return Purge(blobs, queue, table, "results", self.forget)

    def run(self, scope: Scope, *, uploads: bool = True) -> Receipt:
        return self.purge.run(scope, uploads=uploads, wait_s=0)

    def left(self, container: str) -> list[str]:
        return [blob.name for blob in self.blobs.page(container).blobs]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Files(tmp_path))


def test_a_held_job_is_asked_to_end_and_kept_with_its_results(bench: Bench) -> None:
    bench.put(HELD)
    receipt = bench.run(ALL)
    assert (receipt.jobs, receipt.unfinished, receipt.results) == ((), (JOB.job_id,), 0)
    assert bench.table.records[JOB.job_id].cancel_requested
    assert bench.left("results") != []


@pytest.mark.parametrize("record", [QUEUED, RELEASED])
def test_a_job_that_no_worker_holds_ends_at_once(bench: Bench, record: JobRecord) -> None:
    bench.put(record)
    bench.table.fails = [RecordChanged("by a worker")]
    receipt = bench.run(ALL)
    assert (receipt.jobs, receipt.unfinished) == ((JOB.job_id,), ())
    assert bench.table.purged == [JOB.job_id]


def test_a_container_is_purged_whole(bench: Bench) -> None:
    bench.put(DONE)
    bench.put(replace(FAILED, job=replace(JOB, blob="deep/b.jpg")))
    bench.waiting.append("no job")
    looked = bench.purge.look(ALL, uploads=True)
    assert not looked.is_done
    receipt = bench.run(ALL)
    counts = (receipt.messages, receipt.poison_messages, receipt.results, receipt.uploads)
    assert counts == (2, 2, 2, 2) == (looked.messages, looked.poison_messages, looked.results, looked.uploads)
    assert (receipt.is_done, receipt.mentions, len(bench.forgotten)) == (True, 14, 2)
    assert (bench.left("box"), bench.left("results")) == ([], [])
    assert (bench.waiting, bench.poisoned) == (["no job"], [])


@pytest.mark.parametrize(("record", "messages"), [(DONE, 0), (FAILED, 1)])
def test_of_a_single_job_the_poison_message_is_looked_for_where_it_failed(
    bench: Bench, record: JobRecord, messages: int
) -> None:
    bench.put(record)
    receipt = bench.run(ONE)
    assert (receipt.messages, receipt.poison_messages) == (0, messages)
    assert len(bench.poisoned) == 1 - messages


def test_a_single_job_leaves_its_upload_and_other_jobs(bench: Bench) -> None:
    other = replace(DONE, job=replace(JOB, generation=1))
    bench.put(DONE)
    bench.put(other)
    receipt = bench.run(ONE)
    assert (receipt.jobs, receipt.results, receipt.uploads) == ((JOB.job_id,), 1, 0)
    assert bench.left("box") == [JOB.blob]
    assert bench.left("results") == [ResultPlace.of(other.job, "results").csv]


def test_an_upload_leaves_those_whose_names_begin_with_its_own(bench: Bench) -> None:
    below = replace(DONE, job=replace(JOB, blob=f"{JOB.blob}/b.jpg"))
    bench.put(replace(DONE, job=replace(JOB, blob="c.jpg")))
    bench.blobs.upload("results", ResultPlace.of(below.job, "results").csv, b"x", content_type="")
    bench.blobs.upload("results", ResultPlace.of(JOB, "results").csv, b"x", content_type="")
    receipt = bench.run(Scope("box", JOB.blob))
    assert (receipt.results, receipt.uploads) == (1, 0)
    assert len(bench.left("results")) == 2


def test_media_stays_unless_it_is_named(bench: Bench) -> None:
    bench.put(DONE)
    assert bench.run(ALL, uploads=False).uploads == 0
    assert bench.left("box") == [JOB.blob]
