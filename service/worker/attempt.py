"""One claimed job, from its first step to its settlement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from service import metrics
from service.errors import (
    AnalysisError,
    EngineUnavailable,
    LeaseLost,
    MediaNotFound,
    StorageUnavailable,
    UnexpectedError,
)
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.jobs.submit import JobSubmitter
from service.logs import log
from service.results.publish import published_attempt
from service.storage.blob_store import Blobs
from service.worker.lease import Lease
from service.worker.pipeline import AttemptInfo, Findings, Pipeline
from service.worker.retry_policy import exhausted, settlement


@dataclass(frozen=True)
class WorkerContext:
    """What the work on an item needs: where jobs come from, where results go, and the way between."""

    queue: JobQueue
    table: JobTable
    submitter: JobSubmitter
    blobs: Blobs
    pipeline: Pipeline
    worker_name: str
    results_container: str
    max_attempts: int


class Attempt:
    """A job that this worker holds."""

    def __init__(
        self,
        context: WorkerContext,
        queued: QueuedJob,
        record: JobRecord,
        lease: Lease,
        check_shutdown: Callable[[], None],
    ) -> None:
        self._context = context
        self._queued = queued
        self._job: AnalysisJob = queued.job
        self._lease = lease
        self._check_shutdown = check_shutdown
        self._attempts = record.attempts
        self._last_error = record.error_message
        self._place = ResultPlace.of(self._job, context.results_container)
        self._attempt = AttemptInfo(id=record.attempt_id, number=record.attempts, worker=context.worker_name)
        self._findings = Findings(self._attempt)
        self._began = time.monotonic()

    def run(self, dequeue_count: int) -> None:
        """Analyse, publish, settle. Raises only what keeps it from being settled.

        Raises:
            EngineUnavailable: the job is handed back; this worker cannot do any.
        """
        try:
            published = self._published_before(dequeue_count) or self._analyse()
        except AnalysisError as error:
            self._settle(error)
        except Exception as error:
            log.exception("job.unexpected_error")
            self._settle(UnexpectedError(f"{type(error).__name__}: {error}"))
        else:
            self._succeed(published)

    def _published_before(self, dequeue_count: int) -> str | None:
        """The attempt that has published, where an earlier one died before it could say so."""
        if self._attempts == 1 and dequeue_count == 1:
            return None
        return published_attempt(self._context.blobs, self._place)

    def _analyse(self) -> str:
        if self._attempts > self._context.max_attempts:
            raise exhausted(self._attempts - 1, self._last_error)
        log.info("job.started", attempt=self._attempt.number, attempt_id=self._attempt.id)
        return self._context.pipeline.run(self._job, self._place, self._findings, self._watch)

    def _watch(self, stage: str, progress: float) -> None:
        self._check_shutdown()
        self._lease.report(stage, progress)

    def _succeed(self, published: str) -> None:
        self._lease.settle(lambda record: record.succeeded(published, now()))
        self._lease.delete_message()
        self._outcome("succeeded")

    def _settle(self, error: AnalysisError) -> None:
        decision = settlement(error, self._attempts, self._context.max_attempts)
        match decision.action:
            case "abandon":
                self._outcome("abandoned", error)
            case "retry":
                self._retry(error, decision.delay_s, counted=decision.counted)
            case "supersede":
                self._supersede(error)
            case "cancel":
                self._lease.settle(lambda record: record.cancelled(now()))
                self._lease.delete_message()
                self._outcome("cancelled", error)
            case "fail":
                self._fail(error)

    def _retry(self, error: AnalysisError, delay_s: float, *, counted: bool) -> None:
        stage = "waiting to try again" if delay_s else "handed back"
        self._lease.settle(lambda record: record.released(error, stage, counted=counted))
        self._lease.hide_message(delay_s)
        self._outcome("retried", error, delay_s=delay_s)
        if isinstance(error, EngineUnavailable):
            raise error

    def _supersede(self, error: AnalysisError) -> None:
        """The upload was overwritten: its new version is a job of its own, and this one ends with a link to it."""
        try:
            current = self._context.blobs.info(self._job.container, self._job.blob)
        except MediaNotFound as gone:
            return self._fail(gone)
        newer = replace(self._job, etag=current.etag, generation=0)
        self._context.submitter.submit(newer, self._queued.traceparent)
        self._lease.settle(lambda record: record.superseded(newer.job_id, error, now()))
        self._lease.delete_message()
        return self._outcome("superseded", error, superseded_by=newer.job_id)

    def _fail(self, error: AnalysisError) -> None:
        """Say why in a manifest, set the message aside, and end the job; unless its result is there after all."""
        published = published_attempt(self._context.blobs, self._place)
        if published is not None:
            return self._succeed(published)
        try:
            self._context.pipeline.publish_failure(self._job, self._place, self._findings, error)
        except (StorageUnavailable, LeaseLost):
            raise
        except AnalysisError as trouble:
            log.warning("job.failure_manifest_missing", error=trouble.message)
        attempts = min(self._attempts, self._context.max_attempts)
        self._lease.settle(lambda record: replace(record.failed(error, now()), attempts=attempts))
        # Another worker may have done this meanwhile, had we been frozen since.
        self._lease.check()
        self._context.queue.send_to_poison(self._lease.text)
        self._lease.settle(JobRecord.set_aside)
        self._lease.delete_message()
        return self._outcome("failed", error)

    def _outcome(self, action: str, error: AnalysisError | None = None, **more: object) -> None:
        """The one line that says how this attempt ended."""
        why = {"error_code": error.code, "error": error.message} if error else {}
        duration_s = round(time.monotonic() - self._began, 3)
        metrics.job_ended(action, error.code if error else "")
        say = log.error if action == "failed" else log.info
        say(f"job.{action}", attempt=self._attempt.number, duration_s=duration_s, **why, **more)
