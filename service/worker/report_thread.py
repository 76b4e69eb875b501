"""Make reports that web asked for, one at a time, and what belongs to studies, beside the jobs of a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from service.errors import AnalysisError, MediaNotFound, NotFound, ReportFailed, StorageUnavailable
from service.jobs.job_table import JobTable
from service.jobs.report_queue import ReportQueue, ReportRequest
from service.jobs.result_place import ResultPlace
from service.jobs.study_place import StudyPlace
from service.jobs.study_request import StudyRequest
from service.logs import log
from service.results.study.overview import Making
from service.storage.azure_blobs import AzureBlobs
from service.worker.queue_thread import QueueThread

if TYPE_CHECKING:
    from service.results.report.cache import ReportCache
    from service.results.study.make import StudyMaker

HIDDEN_S = 600
"""How long a request stays hidden while its report is made: downloads, and the child's time limit."""
MOST_ATTEMPTS = 3
NEWS_EVERY_S = 3.0
"""Distance between two notes of how far a study is; at each its request is hidden anew."""
STUDY_LATER_S = 10
"""How long a study's request is left to other workers while this one makes another study."""


class _Stopped(Exception):
    """The worker is leaving; the study's request comes back."""


@dataclass(kw_only=True)
class ReportThread(QueueThread[ReportRequest]):
    """A thread that makes reports until the worker is shut down, and one for a study.

    Attributes:
        reports, studies: make their makers, when the first request comes: few workers load them.
    """

    name: ClassVar[str] = "reports"
    # A person waits for the report.
    idle_first_s: ClassVar[float] = 0.2
    idle_longest_s: ClassVar[float] = 3.0

    requests: ReportQueue
    table: JobTable
    blobs: AzureBlobs
    reports: Callable[[], ReportCache]
    studies: Callable[[], StudyMaker]
    results_container: str
    _study: threading.Thread | None = None
    _cache: ReportCache | None = field(default=None, repr=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A worker that leaves finishes what is in hand; one that is stopped gives a study back.
        super().__exit__(kind, error, trace)
        if self._study:
            self._study.join()
        if self._cache:
            self._cache.close()

    def receive(self) -> ReportRequest | None:
        """Take the next request. Raises StorageUnavailable."""
        return self.requests.receive(HIDDEN_S)

    def handle(self, request: ReportRequest) -> None:
        """Make a report; a request whose report failed for a while comes back, and is given up after some attempts."""
        try:
            if request.study:
                self._begin_study(request, request.study)
                return
            if request.job_id and not self._is_done(request):
                return
            self.requests.delete(request.message)
        except (StorageUnavailable, NotFound) as error:
            log.warning("reports.left_for_later", job_id=request.job_id, error=error.message)
        except Exception:
            # The next request may be better; this one comes back.
            log.exception("reports.unexpected_error", job_id=request.job_id)

    def _is_done(self, request: ReportRequest) -> bool:
        """Make the report; return False where another attempt may succeed."""
        try:
            job = self.table.get(request.job_id).job
            place = ResultPlace.of(job, self.results_container)
            csv = self.blobs.info(place.container, place.csv)
        except (NotFound, MediaNotFound):
            # Purged, or not published: its caller sees it in the job.
            return True
        reports = self._cache = self._cache or self.reports()
        try:
            reports.make(job, place, csv)
        except StorageUnavailable:
            raise
        except AnalysisError as error:
            if error.retryable and request.tries < MOST_ATTEMPTS:
                log.warning("reports.left_for_later", job_id=request.job_id, error=error.message)
                return False
            log.error("reports.failed", job_id=request.job_id, error=error.message)
            reports.note_failure(place, csv, ReportFailed(error.message))
        return True

    def _begin_study(self, request: ReportRequest, study: StudyRequest) -> None:
        """Make a study on a thread of its own: it may take long, and reports must not wait for it."""
        if self._study and self._study.is_alive():
            self.requests.hide(request.message, STUDY_LATER_S)
            return
        self._study = threading.Thread(target=self._make_study, args=(request, study), name="study")
        self._study.start()

    def _make_study(self, request: ReportRequest, study: StudyRequest) -> None:
        news = _StudyNews(self, request, StudyPlace.of(study.study, study.key_name, self.results_container))
        try:
            if self.table.studies.exists(study.study, study.key_name):
                self.studies().make(study, news.tell)
            news.end()
        except _Stopped:
            news.give_back()
        except AnalysisError as error:
            log.warning("study.not_made", study=study.study, error=error.message)
            news.fail(error.message, again=error.retryable and request.tries < MOST_ATTEMPTS)
        except Exception as error:
            log.exception("study.unexpected_error", study=study.study)
            news.fail(f"an unexpected error: {type(error).__name__}", again=False)


@dataclass
class _StudyNews:
    """Tells how far a study is, and keeps its request hidden."""

    thread: ReportThread
    request: ReportRequest
    place: StudyPlace
    _told: float = 0.0

    def tell(self, done: int) -> None:
        """Note the number of results so far. Raises _Stopped where the worker is leaving."""
        if self.thread.shutdown.asked:
            raise _Stopped
        if time.monotonic() - self._told < NEWS_EVERY_S:
            return
        self.request = self.thread.requests.hide_request(self.request, HIDDEN_S)
        self._keep(done=done, failed=None)
        self._told = time.monotonic()

    def end(self) -> None:
        """Delete the note and the request."""
        try:
            note = self.thread.blobs.info(self.place.container, self.place.making)
            self.thread.blobs.delete(self.place.container, note.name, note.etag)
        except MediaNotFound:
            pass
        self.thread.requests.delete(self.request.message)

    def give_back(self) -> None:
        """Leave the request to another worker at once."""
        try:
            self.thread.requests.hide(self.request.message, 0)
        except (NotFound, StorageUnavailable) as error:
            log.warning("study.left_for_later", error=error.message)

    def fail(self, why: str, *, again: bool) -> None:
        """Note a failure; with `again`, the request comes back."""
        try:
            if again:
                self.thread.requests.hide(self.request.message, STUDY_LATER_S)
                return
            self._keep(done=None, failed=why)
            self.thread.requests.delete(self.request.message)
        except (NotFound, StorageUnavailable) as error:
            log.warning("study.left_for_later", error=error.message)

    def _keep(self, *, done: int | None, failed: str | None) -> None:
        fresh = Making.asked_now()
        known = Making.find(self.thread.blobs, self.place) or fresh
        known.model_copy(update={"at": fresh.at, "done": done, "failed": failed}).keep(self.thread.blobs, self.place)
