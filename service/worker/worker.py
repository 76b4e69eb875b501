"""The worker: receive ▸ claim ▸ pipeline ▸ settle, several items at once, until it is shut down.

While the engines run, the next items are fetched and the last ones published. Each item has a thread, a lease and a
record of its own; they share the engine pool.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from service import metrics, tracing
from service.errors import (
    AnalysisError,
    EngineUnavailable,
    Interrupted,
    NotFound,
    RecordChanged,
    StorageUnavailable,
    UnexpectedError,
)
from service.jobs.job import QueuedJob, log_context
from service.jobs.job_queue import Message, MessageGone
from service.jobs.job_table import Purged, Removed
from service.jobs.record import JobRecord, now
from service.logs import log
from service.worker.attempt import Attempt, WorkerContext
from service.worker.canary import Canary
from service.worker.lease import Lease
from service.worker.receiver import FOREVER, Capacity, Lifetime, ReceivedJob, Receiver
from service.worker.report_thread import ReportThread
from service.worker.shutdown import Shutdown

EXIT_OK = 0
EXIT_ENGINE_UNAVAILABLE = 3
EXIT_THREAD_LOST = 4
"""A thread ended unexpectedly; the process exits to be started anew, since half a worker is worse than none."""


@dataclass
class Worker:
    """Receives jobs from the queue and carries each to its settlement.

    Attributes:
        name: shown in records and manifests; a claim's owner is the name and a random number.
        canary: measures the reference picture beside the jobs.
        reports: makes reports beside the jobs.
    """

    context: WorkerContext
    shutdown: Shutdown
    name: str
    lease_s: int
    capacity: Capacity
    lifetime: Lifetime = FOREVER
    canary: Canary | None = None
    reports: ReportThread | None = None
    _receiver: Receiver = field(init=False)
    _exit_code: int = EXIT_OK

    def __post_init__(self) -> None:
        has_room = self.context.pipeline.workspace.has_room
        is_fit = self.canary.is_fit if self.canary else lambda: True
        self._receiver = Receiver(
            self.context.queue, has_room, is_fit, self.shutdown, self.lease_s, self.capacity, self.lifetime
        )

    def run(self) -> int:
        """Work until shut down; return the process's exit code."""
        log.info("worker.ready", worker=self.name, engine=self.context.pipeline.engine.name)
        metrics.expect_jobs()
        others = [threading.Thread(target=self._thread, name=f"item-{n}") for n in range(1, self.capacity.items)]
        with self.canary or nullcontext(), self.reports or nullcontext():
            for thread in others:
                thread.start()
            self._thread()
            for thread in others:
                thread.join()
        log.info("worker.stopped", worker=self.name)
        return self._exit_code

    def close(self) -> None:
        """End the children that stay between items."""
        self.context.pipeline.close()

    def _thread(self) -> None:
        try:
            self._work()
        except BaseException:
            log.exception("worker.thread_ended", exit_code=EXIT_THREAD_LOST)
            self._exit_code = EXIT_THREAD_LOST
            self.shutdown.ask()

    def _work(self) -> None:
        while received := self._receiver.next():
            try:
                self._handle(received.message, received.queued)
            except EngineUnavailable as error:
                log.error("worker.engine_unavailable", error=error.message)
                self._exit_code = EXIT_ENGINE_UNAVAILABLE
                self.shutdown.ask()
            except AnalysisError as error:
                # Settling itself failed: the message becomes visible again when its time is over.
                log.warning("worker.left_for_later", error_code=error.code, error=error.message)
                self._give_up_after_many(received, error)
            except Exception as error:
                # Its message becomes visible again as well; the other items go on.
                log.exception("worker.unexpected_error")
                self._give_up_after_many(received, UnexpectedError(f"{type(error).__name__}: {error}"))
            finally:
                self._receiver.release(received)

    def _give_up_after_many(self, received: ReceivedJob, error: AnalysisError) -> None:
        """Move a job that cannot be settled to the poison queue, once its message has come too often."""
        message, job = received.message, received.queued.job
        is_passing = isinstance(error, StorageUnavailable | RecordChanged | Interrupted | MessageGone)
        if is_passing or message.dequeue_count <= self.context.max_attempts:
            return
        with log_context(job, received.queued.traceparent):
            try:
                self.context.queue.send_to_poison(message.text)
                self.context.queue.delete(message)
            except AnalysisError as trouble:
                log.warning("worker.left_for_later", error_code=trouble.code, error=trouble.message)
                return
            log.error("job.unsettled_set_aside", error_code=error.code, error=error.message)
            # The record may be what cannot be written, whatever that raises.
            with suppress(Exception):
                record = self.context.table.get(job.job_id)
                if not record.is_finished:
                    self.context.table.update(record.failed(error, now()).set_aside())

    def _handle(self, message: Message, queued: QueuedJob) -> None:
        job = queued.job
        with (
            log_context(job, queued.traceparent),
            tracing.span("job", queued.traceparent, "CONSUMER", job_id=job.job_id),
        ):
            log.info("job.received", dequeue_count=message.dequeue_count)
            with tracing.span("claim"):
                record = self._claim(message, queued)
            if record is None:
                return
            metrics.attempt_began(record.waited_s)
            with Lease(self.context.table, self.context.queue, message, record, self.lease_s) as lease:
                Attempt(self.context, queued, record, lease, self.shutdown.check).run(message.dequeue_count)

    def _claim(self, message: Message, queued: QueuedJob) -> JobRecord | None:
        """Claim the job's record; None where the job is finished, or held by another worker."""
        owner = f"{self.name}/{secrets.token_hex(4)}"
        untouched = self._claim_unread(message, queued, owner)
        if untouched:
            return untouched
        fresh = JobRecord(job=queued.job, traceparent=queued.traceparent, created=now())
        try:
            record = self.context.table.get(queued.job.job_id)
        except (Purged, Removed):
            with suppress(MessageGone):
                self.context.queue.delete(message)
            log.info("job.purged_dropped")
            return None
        except NotFound:
            self.context.table.state_index.open([fresh])
            record = self.context.table.create(fresh)
            self.context.table.index(record)
        held_s = record.held_by_another_s(owner, self.lease_s)
        if held_s:
            log.info("job.held_by_another", owner=record.owner, seconds=round(held_s, 1))
            self.context.queue.hide(message, int(held_s) + 1)
            return None
        if record.is_finished:
            self._drop(message, record)
            return None
        try:
            return self._claimed(record, owner)
        except RecordChanged:
            log.info("job.claimed_by_another")
            self.context.queue.hide(message, 1)
            return None

    def _claim_unread(self, message: Message, queued: QueuedJob, owner: str) -> JobRecord | None:
        """Claim the record in the state that the message names; None where it has changed, or no state is named."""
        if queued.created is None or message.dequeue_count > 1:
            return None
        record = JobRecord(queued.job, queued.traceparent, queued.created, version=queued.version)
        try:
            return self._claimed(record, owner)
        except RecordChanged:
            return None

    def _claimed(self, record: JobRecord, owner: str) -> JobRecord:
        """Write the claim. Raises RecordChanged."""
        return self.context.table.update(record.claimed(owner, secrets.token_hex(6), self.lease_s, now()))

    def _drop(self, message: Message, record: JobRecord) -> None:
        """Delete the repeated message of a finished job; send a failed job's missing poison message first."""
        if record.state == "failed" and not record.poisoned:
            self.context.queue.send_to_poison(message.text)
            self.context.table.update(record.set_aside())
        elif message.dequeue_count > 1:
            # The worker that finished it died before it deleted the message, and perhaps before it wrote the rows.
            self.context.table.state_index.renew(record)
        with suppress(MessageGone):
            self.context.queue.delete(message)
        log.info("job.repeat_dropped", state=record.state)
