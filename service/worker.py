"""The worker: receive ▸ claim ▸ pipeline ▸ settle, one message at a time, until it is told to stop."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass

from service.errors import (
    AnalysisError,
    BadJob,
    EngineUnavailable,
    NotFound,
    RecordChanged,
    StorageUnavailable,
)
from service.item import Item, Shop
from service.job import QueuedJob
from service.lease import Lease
from service.logs import about, log
from service.record import JobRecord, now
from service.stopping import Stop
from service.storage.job_queue import Message, MessageGone

IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.1, 1.3, 2.0
STORAGE_AWAY_S = 2.0
WORKSPACE_FULL_S = 2.0

EXIT_OK = 0
EXIT_ENGINE_UNAVAILABLE = 3


@dataclass(frozen=True)
class Worker:
    """Takes jobs from the queue and sees each through to its end.

    Attributes:
        shop: what the work on an item needs.
        name: told in records and manifests; a claim's owner is the name and a number made for it.
    """

    shop: Shop
    stop: Stop
    name: str
    lease_s: int

    def run(self) -> int:
        """Work until asked to stop; returns the process's exit code."""
        log.info("worker.ready", worker=self.name, engine=self.shop.pipeline.engine.name)
        idle_s = IDLE_FIRST_S
        while not self.stop.asked:
            if not self.shop.pipeline.workspace.has_room():
                # Taking messages only to fail them would use up their attempts, and keep them from other workers.
                log.warning("worker.workspace_full")
                self.stop.wait(WORKSPACE_FULL_S)
                continue
            try:
                message = self.shop.queue.receive(self.lease_s)
            except StorageUnavailable as error:
                log.warning("worker.storage_away", error=error.message)
                self.stop.wait(STORAGE_AWAY_S)
                continue
            if message is None:
                self.stop.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)
                continue
            idle_s = IDLE_FIRST_S
            try:
                self._handle(message)
            except EngineUnavailable as error:
                log.error("worker.engine_unavailable", error=error.message)
                return EXIT_ENGINE_UNAVAILABLE
            except AnalysisError as error:
                # Settling itself failed: the message shows up again when its time is over.
                log.warning("worker.left_for_later", error_code=error.code, error=error.message)
        log.info("worker.stopped", worker=self.name)
        return EXIT_OK

    def _handle(self, message: Message) -> None:
        try:
            queued = QueuedJob.decode(message.text)
        except BadJob as error:
            log.error("message.set_aside", error_code=error.code, error=error.message, message_id=message.id)
            self.shop.queue.send_to_poison(message.text)
            self.shop.queue.delete(message)
            return
        with about(queued.job, queued.traceparent):
            log.info("job.received", dequeue_count=message.dequeue_count)
            record = self._claim(message, queued)
            if record is None:
                return
            with Lease(self.shop.table, self.shop.queue, message, record, self.lease_s) as lease:
                Item(self.shop, queued, record, lease, self.stop.check).see_through(message.dequeue_count)

    def _claim(self, message: Message, queued: QueuedJob) -> JobRecord | None:
        """The job's record, held by us; None where there is nothing to do (any more, or yet)."""
        fresh = JobRecord(job=queued.job, traceparent=queued.traceparent, created=now())
        try:
            record = self.shop.table.get(queued.job.job_id)
        except NotFound:
            record = self.shop.table.create(fresh)
        owner = f"{self.name}/{secrets.token_hex(4)}"
        left = record.held_by_another(owner, now())
        if left:
            log.info("job.held_by_another", owner=record.owner, seconds=round(left.total_seconds(), 1))
            self.shop.queue.hide(message, int(left.total_seconds()) + 1)
            return None
        if record.is_finished:
            self._drop(message, record)
            return None
        try:
            return self.shop.table.update(record.claimed(owner, secrets.token_hex(6), self.lease_s, now()))
        except RecordChanged:
            log.info("job.claimed_by_another")
            self.shop.queue.hide(message, 1)
            return None

    def _drop(self, message: Message, record: JobRecord) -> None:
        """A repeated delivery of a finished job; a failed one's poison copy is made up for if it is missing."""
        if record.state == "failed" and not record.poisoned:
            self.shop.queue.send_to_poison(message.text)
            self.shop.table.update(record.set_aside())
        with suppress(MessageGone):
            self.shop.queue.delete(message)
        log.info("job.repeat_dropped", state=record.state)
