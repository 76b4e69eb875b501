"""Make reports that web asked for, one at a time, beside the jobs of a worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from service.errors import AnalysisError, MediaNotFound, NotFound, ReportFailed, StorageUnavailable
from service.jobs.job_table import JobTable
from service.jobs.report_queue import ReportQueue, ReportRequest
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.storage.blob_store import Blobs
from service.worker.shutdown import Shutdown

if TYPE_CHECKING:
    from service.results.report.cache import ReportCache

HIDDEN_S = 600
"""How long a request stays hidden while its report is made: downloads, and the child's time limit."""
MOST_ATTEMPTS = 3
IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.2, 1.5, 3.0
"""Pauses between looks into an empty queue; a person waits for the report."""
STORAGE_AWAY_S = 5.0


@dataclass
class ReportThread:
    """A thread that makes reports until the worker is shut down; use it as a context manager."""

    requests: ReportQueue
    table: JobTable
    blobs: Blobs
    reports: ReportCache
    results_container: str
    shutdown: Shutdown
    _left: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, name="reports")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A worker that leaves finishes the report in hand.
        self._left = True
        if self._thread:
            self._thread.join()
        self.reports.close()

    def run(self) -> None:
        """Receive requests until the end."""
        idle_s = IDLE_FIRST_S
        while not (self.shutdown.asked or self._left):
            try:
                request = self.requests.receive(HIDDEN_S)
            except StorageUnavailable as error:
                log.warning("reports.storage_away", error=error.message)
                self.shutdown.wait(STORAGE_AWAY_S)
                continue
            if request is None:
                self.shutdown.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)
                continue
            idle_s = IDLE_FIRST_S
            self._handle(request)

    def _handle(self, request: ReportRequest) -> None:
        """Make a report; a request whose report failed for a while comes back, and is given up after some attempts."""
        try:
            if request.job_id and not self._is_done(request):
                return
            self.requests.delete(request)
        except StorageUnavailable as error:
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
        try:
            self.reports.make(job, place, csv)
        except StorageUnavailable:
            raise
        except AnalysisError as error:
            if error.retryable and request.dequeue_count < MOST_ATTEMPTS:
                log.warning("reports.left_for_later", job_id=request.job_id, error=error.message)
                return False
            log.error("reports.failed", job_id=request.job_id, error=error.message)
            self.reports.note_failure(place, csv, ReportFailed(error.message))
        return True
