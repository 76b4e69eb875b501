"""What becomes of a job, its record and its message when an attempt ends."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from service import metrics
from service.errors import (
    AnalysisError,
    Cancelled,
    EngineCrashed,
    EngineUnavailable,
    LeaseLost,
    MediaChanged,
    MediaNotFound,
    ShuttingDown,
    StorageUnavailable,
    UnexpectedError,
    UnreadableMedia,
)
from service.jobs.callback_queue import CallbackQueue
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.job_queue import JobQueue, Message
from service.jobs.job_table import JobTable, Purged
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import frozen, frozen_job
from service.jobs.submit import UPLOADED_BY, JobSubmitter
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import BlobInfo, BlobPage
from service.storage.folder import FolderBlobs
from service.worker.attempt import Attempt, WorkerContext
from service.worker.last_writes import LastWrites
from service.worker.lease import Lease
from service.worker.pipeline import Pipeline
from tests.fixtures.jobs import job
from tests.fixtures.stand_in_stores import StandInQueue, StandInTable

MESSAGE = Message("m", "r", "text", 1)
ATTEMPTS = 3
HOOK, LATER = "https://lab.net/x", "https://lab.net/later"


class Files(FolderBlobs):
    """Blobs in a folder, with metadata that the test sets."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.metadata: dict[str, Mapping[str, str]] = {}

    def info(self, container: str, name: str) -> BlobInfo:
        return replace(super().info(container, name), metadata=self.metadata.get(name, {}))

    def page(self, container: str, cursor: str = "", prefix: str = "", *, with_metadata: bool = False) -> BlobPage:
        page = super().page(container, cursor, prefix)
        if with_metadata:
            return page
        return BlobPage([replace(blob, metadata={}) for blob in page.blobs], page.cursor)

    def delete(self, container: str, name: str, etag: str) -> None:
        self.path(container, name).unlink()

    def put(self, name: str, by: str = "", container: str = "box") -> None:
        self.upload(container, name, name.encode(), content_type="")
        self.metadata[name] = {UPLOADED_BY: by}


@dataclass
class Submitter:
    """Notes what is asked of it."""

    submitted: list[tuple[AnalysisJob, str]] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)
    called_back: list[tuple[str, str]] = field(default_factory=list)

    def submit(self, new: AnalysisJob, traceparent: str, key_name: str) -> JobRecord:
        self.submitted.append((new, key_name))
        return JobRecord(new, traceparent, now())

    def take_over_studies(self, before: str, record: JobRecord) -> None:
        self.taken_over.append(before)

    def call_back(self, record: JobRecord, callbacks: str) -> None:
        self.called_back.append((record.job.job_id, callbacks))


@dataclass
class Bench:
    """An attempt over stand-ins of the stores and of the pipeline."""

    blobs: Files
    job: AnalysisJob = field(default_factory=job)
    table: StandInTable = field(default_factory=StandInTable)
    queue: StandInQueue = field(default_factory=StandInQueue)
    submitter: Submitter = field(default_factory=Submitter)
    announced: list[tuple[str, bool]] = field(default_factory=list)
    """Addresses, and whether the job had ended then."""
    failure_manifests: list[str] = field(default_factory=list)
    measured: int = 0
    outcome: Exception | str = "a1"
    callbacks_come: bool = False

    def announce(self, job_id: str, addresses: list[str]) -> None:
        self.announced += [(address, self.stored.is_finished) for address in addresses]
        if self.callbacks_come and not self.stored.is_finished:
            self.callbacks_come = False
            self.table.put(replace(self.stored, callbacks=f"{self.stored.callbacks}\n{LATER}"))

    def steps(self, context: object) -> Generator[Any, Any, str]:
        self.measured += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome
        yield

    def publish_failure(self, context: object, error: AnalysisError) -> None:
        self.failure_manifests.append(error.code)

    @property
    def stored(self) -> JobRecord:
        return self.table.records[self.job.job_id]

    @property
    def place(self) -> ResultPlace:
        return ResultPlace.of(self.job, "results")

    def run(self, outcome: Exception | str = "a1", *, attempts: int = 1, received: int = 1, **record: Any) -> None:
        """Run an attempt at a job whose record has these fields."""
        self.outcome = outcome
        fresh = JobRecord(self.job, "", now(), attempts=attempts - 1, **record)
        claimed = self.table.put(fresh.claimed("me", f"a{attempts}", 60, now()))
        lease = Lease(cast(JobTable, self.table), cast(JobQueue, self.queue), MESSAGE, claimed, 60)
        worker = WorkerContext(
            queue=cast(JobQueue, self.queue),
            table=cast(JobTable, self.table),
            submitter=cast(JobSubmitter, self.submitter),
            callbacks=cast(CallbackQueue, self),
            blobs=cast(AzureBlobs, self.blobs),
            pipeline=cast(Pipeline, self),
            worker_name="me",
            results_container="results",
            max_attempts=ATTEMPTS,
        )
        with LastWrites(cast(JobTable, self.table), lambda: False) as last_writes:
            attempt = Attempt(worker, QueuedJob(self.job, ""), claimed, lease, last_writes, lambda: None)
            assert list(attempt.steps(received)) == []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Files(tmp_path))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    endings: list[tuple[str, str]] = []
    monkeypatch.setattr(metrics, "job_ended", lambda state, code: endings.append((state, code)))
    return endings


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_success_is_written_and_its_message_is_deleted(bench: Bench) -> None:
    bench.run("a1")
    assert (bench.stored.state, bench.stored.attempt_published) == ("succeeded", "a1")
    assert bench.queue.deleted == ["r"]


@pytest.mark.parametrize(
    ("outcome", "state", "action"),
    [
        ("a1", "succeeded", "succeeded"),
        (EngineCrashed(), "running", "retried"),
        (ShuttingDown(), "running", "retried"),
        (UnreadableMedia("bad"), "failed", "failed"),
        (Cancelled(), "cancelled", "cancelled"),
        (MediaChanged("new"), "superseded", "superseded"),
        (LeaseLost("away"), "running", "abandoned"),
        (RuntimeError("a defect"), "running", "retried"),
    ],
)
def test_each_ending_is_written_counted_and_logged_once(
    bench: Bench, counted: list[tuple[str, str]], lines: list[Any], outcome: Exception | str, state: str, action: str
) -> None:
    bench.blobs.put("a.jpg")
    bench.run(outcome)
    code = UnexpectedError.code if isinstance(outcome, RuntimeError) else getattr(outcome, "code", "")
    assert bench.stored.state == state
    assert counted == [(action, code)]
    assert [line.get("error_code", "") for line in lines if line["event"] == f"job.{action}"] == [code]


def test_a_retry_frees_the_job_and_hides_its_message_for_longer_and_longer(bench: Bench) -> None:
    for attempts in (1, 2):
        bench.run(EngineCrashed(), attempts=attempts)
        assert (bench.stored.owner, bench.stored.attempts, bench.stored.stage) == ("", attempts, "waiting to try again")
    assert bench.queue.hidden == [("r", 5), ("r", 10)]


def test_a_job_that_is_handed_back_is_there_for_others_at_once_and_has_all_attempts_left(bench: Bench) -> None:
    bench.run(ShuttingDown(), attempts=2)
    assert (bench.stored.owner, bench.stored.attempts, bench.stored.stage) == ("", 1, "handed back")
    assert bench.queue.hidden == [("r", 0)]


def test_a_worker_without_an_engine_releases_the_job_and_says_so(bench: Bench) -> None:
    with pytest.raises(EngineUnavailable):
        bench.run(EngineUnavailable("gone"))
    assert (bench.stored.owner, bench.stored.attempts) == ("", 0)


def test_storage_that_is_away_is_waited_for_by_the_messages_deliveries(bench: Bench) -> None:
    bench.run(StorageUnavailable("away"), received=3)
    assert bench.queue.hidden == [("r", 20)]


@pytest.mark.parametrize(("attempts", "measured"), [(ATTEMPTS, 1), (ATTEMPTS + 1, 0)])
def test_a_job_whose_attempts_never_ended_is_measured_no_more(bench: Bench, attempts: int, measured: int) -> None:
    bench.run(UnreadableMedia("bad"), attempts=attempts)
    assert (bench.measured, bench.stored.state, bench.stored.attempts) == (measured, "failed", ATTEMPTS)
    assert bench.queue.poisoned_texts == ["text"]


def test_a_job_is_told_how_many_attempts_ended_without_an_answer(bench: Bench) -> None:
    bench.run(attempts=ATTEMPTS + 1, error_message="killed")
    assert bench.stored.error_message == f"{ATTEMPTS} attempts ended without an answer; the last: killed"


def test_a_failure_has_a_manifest_and_its_message_is_set_aside(bench: Bench) -> None:
    bench.run(UnreadableMedia("bad"))
    assert bench.failure_manifests == ["unreadable_media"]
    assert (bench.queue.poisoned_texts, bench.queue.deleted) == (["text"], ["r"])
    assert (bench.stored.poisoned, bench.stored.owner) == (True, "")


@pytest.mark.parametrize("outcome", [UnreadableMedia("bad"), Cancelled(), "a1"])
def test_callbacks_are_asked_for_before_the_end_and_later_ones_after_it(bench: Bench, outcome: Exception | str) -> None:
    bench.callbacks_come = True
    bench.run(outcome, callbacks=HOOK)
    assert bench.announced == [(HOOK, False), (LATER, True)]


@pytest.mark.parametrize(("attempts", "received", "measured"), [(1, 1, 1), (1, 2, 0), (2, 1, 0)])
def test_what_an_earlier_worker_published_before_it_died_is_the_result(
    bench: Bench, attempts: int, received: int, measured: int
) -> None:
    bench.blobs.put(bench.place.csv, container="results")
    bench.blobs.metadata[bench.place.csv] = {"attempt": "a0"}
    bench.run("a9", attempts=attempts, received=received)
    assert bench.measured == measured
    assert bench.stored.attempt_published == ("a9" if measured else "a0")


def test_a_failure_beside_a_published_result_is_a_success(bench: Bench) -> None:
    bench.blobs.put(bench.place.csv, container="results")
    bench.blobs.metadata[bench.place.csv] = {"attempt": "a0"}
    bench.run(UnreadableMedia("bad"))
    assert (bench.stored.state, bench.stored.attempt_published) == ("succeeded", "a0")
    assert bench.queue.poisoned_texts == []


@pytest.mark.parametrize("outcome", [LeaseLost("lost"), Purged("purged")])
@pytest.mark.parametrize("was_purged", [True, False])
def test_what_was_published_of_a_job_that_was_purged_meanwhile_is_deleted(
    bench: Bench, outcome: Exception, was_purged: bool
) -> None:
    bench.blobs.put(bench.place.artefact("a1", "x.csv"), container="results")

    def steps(context: object) -> Generator[Any, Any, str]:
        if was_purged:
            bench.table.gone[bench.job.job_id] = Purged("purged")
        raise outcome
        yield

    bench.steps = steps  # type: ignore[method-assign]
    if isinstance(outcome, Purged):
        with pytest.raises(Purged):
            bench.run()
    else:
        bench.run()
    left = [blob.name for blob in bench.blobs.page("results").blobs]
    assert left == ([] if was_purged else [bench.place.artefact("a1", "x.csv")])
    assert bench.queue.deleted == (["r"] if was_purged else [])


def test_an_overwritten_upload_is_submitted_anew_under_the_key_that_overwrote_it(bench: Bench) -> None:
    bench.job = replace(job(faces="one"), generation=3)
    bench.blobs.put("a.jpg", by="lab")
    bench.run(MediaChanged("new"), callbacks=HOOK)
    [(newer, key_name)] = bench.submitter.submitted
    assert (newer.generation, newer.options, key_name) == (0, bench.job.options, "lab")
    assert newer.etag == bench.blobs.info("box", "a.jpg").etag
    assert bench.stored.superseded_by == newer.job_id
    assert bench.submitter.taken_over == [bench.job.job_id]
    assert bench.submitter.called_back == [(newer.job_id, HOOK)]
    assert bench.queue.deleted == ["r"]


def test_an_upload_that_was_deleted_meanwhile_fails(bench: Bench) -> None:
    bench.run(MediaChanged("new"))
    assert (bench.stored.state, bench.stored.error_code) == ("failed", MediaNotFound.code)
    assert bench.submitter.submitted == []


@pytest.mark.parametrize(
    ("key_name", "measured"),
    [("", ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]), ("lab", ["1.jpg", "2.jpg", "3.jpg"])],
)
def test_a_keys_sequence_gets_no_pictures_by_others_that_it_did_not_have(
    bench: Bench, key_name: str, measured: list[str]
) -> None:
    bench.blobs.put("p/1.jpg", by="lab")
    bench.blobs.put("p/2.jpg", by="other")
    options = JobOptions.resolve("sequence", "wild", {})
    bench.job = frozen_job(bench.blobs, "results", "box", "p", "wild", options)
    bench.blobs.put("p/3.jpg", by="lab")
    bench.blobs.put("p/4.jpg", by="other")
    bench.run(MediaChanged("new"), key_name=key_name)
    [(newer, submitted_by)] = bench.submitter.submitted
    members = frozen(bench.blobs, ResultPlace.of(newer, "results"), newer)
    assert [member.name for member in members] == measured
    assert submitted_by == key_name


def test_a_sequence_of_which_nothing_is_left_fails(bench: Bench) -> None:
    bench.blobs.put("p/1.jpg")
    options = JobOptions.resolve("sequence", "wild", {})
    bench.job = frozen_job(bench.blobs, "results", "box", "p", "wild", options)
    bench.blobs.delete("box", "p/1.jpg", "")
    bench.run(MediaChanged("new"))
    assert (bench.stored.state, bench.stored.error_code) == ("failed", MediaNotFound.code)
