"""Requests of reports and studies: made once, tried again where that may help, given up where it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from service.errors import AnalysisError, MediaNotFound, NotFound, ReportFailed, StorageUnavailable
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.jobs.report_queue import ReportQueue, ReportRequest
from service.jobs.side_queue import SideMessage
from service.jobs.study_request import StudyRequest
from service.results.report.cache import ReportCache
from service.results.study.make import StudyMaker
from service.results.study.overview import Making
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import BlobInfo
from service.worker.report_thread import HIDDEN_S, MOST_ATTEMPTS, STUDY_LATER_S, ReportThread
from service.worker.shutdown import Shutdown
from tests.fixtures.jobs import job

RECORD = JobRecord(job(), "", now())
STUDY = StudyRequest("trial")


class TooSlow(AnalysisError):
    """Another attempt may succeed."""

    code = "too_slow"
    retryable = True


@dataclass
class StandIn:
    """Stands in for the thread's queue, table and blobs, and for both makers."""

    made: Callable[[], None] = lambda: None
    there: bool = True
    has_result: bool = True
    deleted: list[str] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)
    failures: list[ReportFailed] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    closed: int = 0

    def delete(self, *names: Any) -> None:
        if isinstance(names[0], SideMessage):
            self.deleted.append(names[0].id)
        else:
            del self.blobs[names[1]]

    def hide(self, message: SideMessage, hidden_s: int) -> None:
        self.hidden.append((message.id, hidden_s))

    def hide_request(self, request: ReportRequest, hidden_s: int) -> ReportRequest:
        self.hide(request.message, hidden_s)
        return request

    def get(self, job_id: str) -> JobRecord:
        if not self.there:
            raise NotFound(job_id)
        return RECORD

    @property
    def studies(self) -> StandIn:
        return self

    def exists(self, study: str, key_name: str) -> bool:
        return self.there

    def info(self, container: str, name: str) -> BlobInfo:
        if not (name in self.blobs or (self.has_result and name.endswith(".csv"))):
            raise MediaNotFound(name)
        return BlobInfo(name, "e", 1)

    def upload(self, container: str, name: str, content: bytes, content_type: str) -> None:
        self.blobs[name] = content

    def read(self, container: str, name: str) -> bytes:
        self.info(container, name)
        return self.blobs[name]

    def make(self, *about: Any) -> None:
        self.made()
        if isinstance(about[0], StudyRequest):
            about[1](1)

    def note_failure(self, place: object, csv: object, failure: ReportFailed) -> None:
        self.failures.append(failure)

    def close(self) -> None:
        self.closed += 1

    def thread(self) -> ReportThread:
        return ReportThread(
            shutdown=Shutdown(0),
            requests=cast(ReportQueue, self),
            table=cast(JobTable, self),
            blobs=cast(AzureBlobs, self),
            reports=lambda: cast(ReportCache, self),
            studies=lambda: cast(StudyMaker, self),
            results_container="results",
        )

    @property
    def note(self) -> Making | None:
        notes = [text for name, text in self.blobs.items() if name.endswith("making.json")]
        return Making.model_validate_json(notes[0]) if notes else None


def request(text: str = RECORD.job.job_id, tries: int = 1) -> ReportRequest:
    message = SideMessage("m", "r", text, tries)
    study = StudyRequest.read(text)
    return ReportRequest(message, "" if study else text, study)


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_report_is_made_and_its_request_deleted() -> None:
    stand_in = StandIn()
    stand_in.thread().handle(request())
    assert (stand_in.deleted, stand_in.failures) == (["m"], [])


@pytest.mark.parametrize(
    ("error", "tries", "again"),
    [
        (TooSlow("slow"), 1, True),
        (TooSlow("slow"), MOST_ATTEMPTS - 1, True),
        (TooSlow("slow"), MOST_ATTEMPTS, False),
        (ReportFailed("never"), 1, False),
        (StorageUnavailable("away"), MOST_ATTEMPTS + 1, True),
        (RuntimeError("a defect"), 1, True),
    ],
)
def test_a_report_that_fails_comes_back_only_where_another_attempt_may_succeed(
    error: Exception, tries: int, again: bool
) -> None:
    stand_in = StandIn(raising(error))
    stand_in.thread().handle(request(tries=tries))
    assert stand_in.deleted == ([] if again else ["m"])
    assert [str(failure) for failure in stand_in.failures] == ([] if again else [str(error)])


@pytest.mark.parametrize("missing", ["there", "has_result"])
def test_a_request_without_a_job_or_result_is_dropped(missing: str) -> None:
    stand_in = StandIn(raising(AssertionError("made")), **{missing: False})
    stand_in.thread().handle(request())
    assert stand_in.deleted == ["m"]


def test_a_text_that_names_nothing_is_dropped() -> None:
    stand_in = StandIn(raising(AssertionError("made")))
    stand_in.thread().handle(request(""))
    assert stand_in.deleted == ["m"]


def handled(stand_in: StandIn, *requests: ReportRequest) -> ReportThread:
    """Let a thread make studies to their end."""
    thread = stand_in.thread()
    for one in requests:
        thread.handle(one)
    thread.__exit__(None, None, None)
    return thread


def test_a_study_is_made_and_its_note_and_request_are_deleted() -> None:
    stand_in = StandIn()
    handled(stand_in, request(STUDY.text))
    assert (stand_in.deleted, stand_in.note) == (["m"], None)
    assert stand_in.hidden == [("m", HIDDEN_S)]


def test_a_worker_leaves_once_its_study_is_made() -> None:
    ended = []

    def slow() -> None:
        threading.Event().wait(0.05)
        ended.append("made")

    handled(StandIn(slow), request(STUDY.text))
    assert ended == ["made"]


def test_a_second_study_is_left_to_other_workers_meanwhile() -> None:
    let_go = threading.Event()
    stand_in = StandIn(lambda: let_go.wait(10) and None)
    thread = stand_in.thread()
    thread.handle(request(STUDY.text))
    thread.handle(request(STUDY.text))
    assert stand_in.hidden == [("m", STUDY_LATER_S)]
    let_go.set()
    thread.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("error", "tries", "failed"),
    [
        (TooSlow("slow"), MOST_ATTEMPTS - 1, None),
        (TooSlow("slow"), MOST_ATTEMPTS, "slow"),
        (ReportFailed("never"), 1, "never"),
        (RuntimeError("a defect"), 1, "an unexpected error: RuntimeError"),
    ],
)
def test_a_study_that_fails_comes_back_or_its_note_says_why(error: Exception, tries: int, failed: str | None) -> None:
    stand_in = StandIn(raising(error))
    handled(stand_in, request(STUDY.text, tries))
    assert (stand_in.note and stand_in.note.failed) == failed
    assert stand_in.deleted == (["m"] if failed else [])
    assert stand_in.hidden == ([] if failed else [("m", STUDY_LATER_S)])


def test_a_study_of_a_worker_that_leaves_is_given_back_at_once() -> None:
    stand_in = StandIn()
    thread = stand_in.thread()
    thread.shutdown.ask()
    thread.handle(request(STUDY.text))
    thread.__exit__(None, None, None)
    assert (stand_in.deleted, stand_in.hidden) == ([], [("m", 0)])


def test_a_study_of_which_nothing_is_left_is_dropped() -> None:
    stand_in = StandIn(raising(AssertionError("made")), there=False)
    handled(stand_in, request(STUDY.text))
    assert stand_in.deleted == ["m"]


def test_the_maker_of_reports_is_closed_with_the_thread_that_made_one() -> None:
    unused, used = StandIn(), StandIn()
    handled(unused)
    handled(used, request())
    assert (unused.closed, used.closed) == (0, 1)
