"""One attempt at a claimed job, from its first step to its settlement."""

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
    NotFound,
    StorageUnavailable,
    UnexpectedError,
)
from service.jobs.callback_queue import CallbackQueue
from service.jobs.callbacks import addresses_of
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable, Purged
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import frozen, frozen_job
from service.jobs.submit import JobSubmitter, uploader_of
from service.jobs.sweep.finding import every_blob
from service.logs import log
from service.results.publish import published_attempt
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import BlobInfo
from service.worker.attempt_context import AttemptContext
from service.worker.engine_pool import Steps
from service.worker.last_writes import LastWrites
from service.worker.lease import Lease
from service.worker.pipeline import Pipeline
from service.worker.retry_policy import exhausted, settlement


@dataclass(frozen=True)
class WorkerContext:
    """The stores and the pipeline that every attempt of a worker uses."""

    queue: JobQueue
    table: JobTable
    submitter: JobSubmitter
    callbacks: CallbackQueue
    blobs: AzureBlobs
    pipeline: Pipeline
    worker_name: str
    results_container: str
    max_attempts: int


class Attempt:
    """One attempt at a job whose lease this worker holds."""

    def __init__(
        self,
        worker: WorkerContext,
        queued: QueuedJob,
        record: JobRecord,
        lease: Lease,
        last_writes: LastWrites,
        check_shutdown: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._queued = queued
        self._lease = lease
        self._last_writes = last_writes
        self._check_shutdown = check_shutdown
        self._last_error = record.error_message
        self._context = AttemptContext(
            job=queued.job,
            place=ResultPlace.of(queued.job, worker.results_container),
            attempt_id=record.attempt_id,
            number=record.attempts,
            worker=worker.worker_name,
            watch=self._watch,
        )
        self._dequeue_count = 1
        self._began = time.monotonic()

    def steps(self, dequeue_count: int) -> Steps[None]:
        """Analyse, publish, settle. Raises only errors that keep it from being settled.

        Raises:
            EngineUnavailable: the job is released; this worker cannot do any.
            Purged: the job was purged meanwhile; what this attempt published is deleted.
        """
        self._dequeue_count = dequeue_count
        try:
            yield from self._steps(dequeue_count)
        except (LeaseLost, Purged):
            self._delete_if_purged()
            raise

    def _steps(self, dequeue_count: int) -> Steps[None]:
        try:
            published = self._published_before(dequeue_count) or (yield from self._analyse())
        except AnalysisError as error:
            self._settle(error)
        except Exception as error:
            log.exception("job.unexpected_error")
            self._settle(UnexpectedError(f"{type(error).__name__}: {error}"))
        else:
            self._succeed(published)

    def _published_before(self, dequeue_count: int) -> str | None:
        """Find the attempt that has published, where an earlier worker died before it settled the job."""
        if self._context.number == 1 and dequeue_count == 1:
            return None
        return self._published()

    def _published(self) -> str | None:
        return published_attempt(self._worker.blobs, self._context.place)

    def _analyse(self) -> Steps[str]:
        if self._context.number > self._worker.max_attempts:
            raise exhausted(self._context.number - 1, self._last_error)
        log.info("job.started", attempt=self._context.number, attempt_id=self._context.attempt_id)
        return (yield from self._worker.pipeline.steps(self._context))

    def _watch(self, stage: str, progress: float) -> None:
        self._check_shutdown()
        self._lease.report(stage, progress)

    def _succeed(self, published: str) -> None:
        ended = self._end(lambda record: record.succeeded(published, now()), rows_later=True)
        self._last_writes.put(ended, self._lease.delete_message)
        self._log_outcome("succeeded")

    def _end(self, change: Callable[[JobRecord], JobRecord], *, rows_later: bool = False) -> JobRecord:
        """Write the job's end, and ask for its callbacks: before, so that a crash loses none; they wait for the end."""
        known = addresses_of(self._lease.callbacks)
        self._worker.callbacks.announce(self._queued.job.job_id, known)
        ended = self._lease.settle(change, rows_later=rows_later)
        later = [address for address in addresses_of(ended.callbacks) if address not in known]
        self._worker.callbacks.announce(self._queued.job.job_id, later)
        return ended

    def _delete_if_purged(self) -> None:
        """Delete the job's results and message where a purge has deleted its record meanwhile."""
        try:
            self._worker.table.get(self._queued.job.job_id)
        except Purged:
            place, blobs = self._context.place, self._worker.blobs
            for blob in every_blob(blobs, place.container, place.folder):
                blobs.delete(place.container, blob.name, blob.etag)
            self._lease.delete_message()
            log.warning("job.purged_meanwhile", attempt_id=self._context.attempt_id)

    def _settle(self, error: AnalysisError) -> None:
        if isinstance(error, Purged):
            raise error
        decision = settlement(error, self._context.number, self._worker.max_attempts, self._dequeue_count)
        match decision.action:
            case "abandon":
                self._delete_if_purged()
                self._log_outcome("abandoned", error)
            case "retry":
                self._retry(error, decision.delay_s, counted=decision.counted)
            case "supersede":
                self._supersede(error)
            case "cancel":
                self._end(lambda record: record.cancelled(now()))
                self._lease.delete_message()
                self._log_outcome("cancelled", error)
            case "fail":
                self._fail(error)

    def _retry(self, error: AnalysisError, delay_s: float, *, counted: bool) -> None:
        stage = "waiting to try again" if delay_s else "handed back"
        self._lease.settle(lambda record: record.released(error, stage, counted=counted))
        self._lease.hide_message(delay_s)
        self._log_outcome("retried", error, delay_s=delay_s)
        if isinstance(error, EngineUnavailable):
            raise error

    def _supersede(self, error: AnalysisError) -> None:
        """Submit the overwritten upload's new version as a job of its own, and end this job with a link to it."""
        try:
            newer, key_name = self._current()
        except MediaNotFound as gone:
            return self._fail(gone)
        except NotFound as gone:
            return self._fail(MediaNotFound(gone.message))
        submitter, job_id = self._worker.submitter, self._queued.job.job_id
        replaced = submitter.submit(newer, self._queued.traceparent, key_name)
        submitter.take_over_studies(job_id, replaced)
        ended = self._end(lambda record: record.superseded(newer.job_id, error, now()))
        submitter.call_back(replaced, ended.callbacks)
        self._lease.delete_message()
        return self._log_outcome("superseded", error, superseded_by=newer.job_id)

    def _current(self) -> tuple[AnalysisJob, str]:
        """Return the job of what the upload is now, and its key's name. Raises MediaNotFound, NotFound."""
        job, blobs = self._queued.job, self._worker.blobs
        if job.media == "sequence":
            return self._current_sequence()
        blob = blobs.info(job.container, job.blob)
        return replace(job, etag=blob.etag, generation=0), uploader_of(blob.metadata)

    def _current_sequence(self) -> tuple[AnalysisJob, str]:
        """See `_current`; a key that began it gets no pictures by others that it did not measure before."""
        job, worker = self._queued.job, self._worker
        place = (worker.blobs, worker.results_container, job.container, job.blob, job.media_type, job.options)
        key_name = worker.table.get(job.job_id).key_name
        if not key_name:
            return frozen_job(*place), ""
        before = {f"{job.blob}/{member.name}" for member in frozen(worker.blobs, self._context.first_place, job)}

        def may_measure(blob: BlobInfo) -> bool:
            return uploader_of(blob.metadata) == key_name or blob.name in before

        return frozen_job(*place, may_measure), key_name

    def _fail(self, error: AnalysisError) -> None:
        """Publish a failure manifest, set the message aside and end the job; unless its result exists after all."""
        published = self._published()
        if published is not None:
            return self._succeed(published)
        try:
            self._worker.pipeline.publish_failure(self._context, error)
        except (StorageUnavailable, LeaseLost):
            raise
        except AnalysisError as trouble:
            log.warning("job.failure_manifest_missing", error=trouble.message)
        attempts = min(self._context.number, self._worker.max_attempts)
        self._end(lambda record: replace(record.failed(error, now()), attempts=attempts))
        # If this process was frozen since, another worker may have done the rest meanwhile.
        self._lease.check()
        self._worker.queue.send_to_poison(self._lease.text)
        self._lease.settle(JobRecord.set_aside)
        self._lease.delete_message()
        return self._log_outcome("failed", error)

    def _log_outcome(self, action: str, error: AnalysisError | None = None, **more: object) -> None:
        """Log the one line that says how this attempt ended, and count it."""
        reason = {"error_code": error.code, "error": error.message} if error else {}
        duration_s = round(time.monotonic() - self._began, 3)
        metrics.job_ended(action, error.code if error else "")
        write = log.error if action == "failed" else log.info
        write(f"job.{action}", attempt=self._context.number, duration_s=duration_s, **reason, **more)
