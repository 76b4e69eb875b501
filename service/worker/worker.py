"""The worker: receive ▸ claim ▸ pipeline ▸ settle, many items at once, until it is shut down.

While the engines run, the next items are fetched and the last ones published, by a few threads. An item has a lease and
a record of its own, and no thread.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from service import metrics, tracing
from service.errors import (
    AnalysisError,
    EngineUnavailable,
    Interrupted,
    RecordChanged,
    StorageUnavailable,
    UnexpectedError,
)
from service.jobs.callbacks import addresses_of
from service.jobs.job import log_context
from service.jobs.job_queue import MessageGone
from service.jobs.record import now
from service.logs import log
from service.worker.attempt import Attempt, WorkerContext
from service.worker.callback_thread import CallbackThread
from service.worker.canary import Canary
from service.worker.claim import Claims
from service.worker.engine_pool import Steps
from service.worker.job_run import JobRun
from service.worker.last_writes import LastWrites
from service.worker.lease import Lease
from service.worker.lease_keeper import LeaseKeeper
from service.worker.receiver import FOREVER, Capacity, Lifetime, ReceivedJob, Receiver
from service.worker.report_thread import ReportThread
from service.worker.shutdown import Shutdown

EXIT_OK = 0
EXIT_ENGINE_UNAVAILABLE = 3
EXIT_THREAD_LOST = 4
"""A thread ended unexpectedly; the process exits to be started anew, since half a worker is worse than none."""

PICTURES_AT_ONCE = 8
"""Threads that fetch and publish pictures."""


@dataclass
class Worker:
    """Receives jobs from the queue and carries each to its settlement.

    Attributes:
        name: shown in records and manifests.
        canary: measures the reference picture beside the jobs.
        reports: makes reports beside the jobs.
        callbacks: makes the calls that jobs name.
    """

    context: WorkerContext
    shutdown: Shutdown
    name: str
    lease_s: int
    capacity: Capacity
    lifetime: Lifetime = FOREVER
    canary: Canary | None = None
    reports: ReportThread | None = None
    callbacks: CallbackThread | None = None
    _receiver: Receiver = field(init=False)
    _claims: Claims = field(init=False)
    _last_writes: LastWrites = field(init=False)
    _keeper: LeaseKeeper = field(init=False)
    _exit_code: int = EXIT_OK

    def __post_init__(self) -> None:
        pipeline, queue = self.context.pipeline, self.context.queue
        is_fit = self.canary.is_fit if self.canary else lambda: True
        self._receiver = Receiver(
            queue, pipeline.workspace.has_room, is_fit, self.shutdown, self.lease_s, self.capacity, self.lifetime
        )
        self._claims = Claims(self.context.table, queue, self.name, self.lease_s)
        self._last_writes = LastWrites(self.context.table, lambda: self._receiver.in_hand > 1)
        self._keeper = LeaseKeeper(on_stopped=pipeline.engines.drop_given_up)

    def run(self) -> int:
        """Work until shut down; return the process's exit code."""
        log.info("worker.ready", worker=self.name, engine=self.context.pipeline.engine.name)
        metrics.expect_jobs()
        # On a thread of its own: signals come to this one, and their handler takes the receiver's lock.
        receiving = threading.Thread(target=self._receive, name="receiver")
        receiving.start()
        receiving.join()
        log.info("worker.stopped", worker=self.name)
        return self._exit_code

    def close(self) -> None:
        """End the children that stay between items."""
        self.context.pipeline.close()

    def _receive(self) -> None:
        """Receive jobs and start each; ends when all are settled."""
        with ExitStack() as running:
            for beside in (self.canary, self.reports, self.callbacks):
                if beside:
                    running.enter_context(beside)
            running.enter_context(self._last_writes)
            running.enter_context(self._keeper)
            pictures = running.enter_context(ThreadPoolExecutor(PICTURES_AT_ONCE, thread_name_prefix="picture"))
            videos = running.enter_context(ThreadPoolExecutor(self.capacity.videos, thread_name_prefix="video"))
            try:
                while received := self._receiver.next():
                    self._start(received, videos if received.is_video else pictures)
            except BaseException:
                self._thread_lost()
            self._receiver.wait_until_all_released()

    def _start(self, received: ReceivedJob, pool: Executor) -> None:
        JobRun(self._steps(received), self.context.pipeline.engines, pool, self._thread_lost).start()

    def _thread_lost(self) -> None:
        log.exception("worker.thread_ended", exit_code=EXIT_THREAD_LOST)
        self._exit_code = EXIT_THREAD_LOST
        self.shutdown.ask()

    def _steps(self, received: ReceivedJob) -> Steps[None]:
        """Do a received job, whatever comes of it."""
        try:
            yield from self._handle(received)
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
            self._last_writes.look_again()

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
            try:
                record = self.context.table.get(job.job_id)
                if not record.is_finished:
                    ended = self.context.table.update(record.failed(error, now()).set_aside())
                    self.context.callbacks.announce(job.job_id, addresses_of(ended.callbacks))
            except Exception as trouble:
                # The record may be what cannot be written, whatever that raises.
                log.warning("job.record_left", error=repr(trouble)[:200])

    def _handle(self, received: ReceivedJob) -> Steps[None]:
        message, queued = received.message, received.queued
        job = queued.job
        with (
            log_context(job, queued.traceparent),
            tracing.span("job", queued.traceparent, "CONSUMER", job_id=job.job_id),
        ):
            log.info("job.received", dequeue_count=message.dequeue_count)
            with tracing.span("claim"):
                record = self._claims.claim(message, queued)
            if record is None:
                return
            metrics.attempt_began(record.waited_s)
            lease = Lease(self.context.table, self.context.queue, message, record, self.lease_s)
            attempt = Attempt(self.context, queued, record, lease, self._last_writes, self.shutdown.check)
            with self._keeper.keeping(lease):
                yield from attempt.steps(message.dequeue_count)
