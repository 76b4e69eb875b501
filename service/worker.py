"""The worker: receive ▸ claim ▸ pipeline ▸ settle, several items in hand, until it is told to stop.

While the engines work, the next items are fetched and the last ones published. Each item has a thread, a lease and a
record of its own; what they share is the engine room.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from service.errors import AnalysisError, EngineUnavailable, NotFound, RecordChanged
from service.intake import FOREVER, Hands, Intake, Shift
from service.item import Item, Shop
from service.job import QueuedJob
from service.lease import Lease
from service.logs import about, log
from service.record import JobRecord, now
from service.stopping import Stop
from service.storage.job_queue import Message, MessageGone

EXIT_OK = 0
EXIT_ENGINE_UNAVAILABLE = 3


@dataclass
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
    hands: Hands
    shift: Shift = FOREVER
    _intake: Intake = field(init=False)
    _exit_code: int = EXIT_OK

    def __post_init__(self) -> None:
        has_room = self.shop.pipeline.workspace.has_room
        self._intake = Intake(self.shop.queue, has_room, self.stop, self.lease_s, self.hands, self.shift)

    def run(self) -> int:
        """Work until asked to stop; returns the process's exit code."""
        log.info("worker.ready", worker=self.name, engine=self.shop.pipeline.engine.name)
        others = [threading.Thread(target=self._work, name=f"item-{n}") for n in range(1, self.hands.items)]
        for thread in others:
            thread.start()
        self._work()
        for thread in others:
            thread.join()
        log.info("worker.stopped", worker=self.name)
        return self._exit_code

    def close(self) -> None:
        """Let go of what stays between items."""
        self.shop.pipeline.close()

    def _work(self) -> None:
        while taken := self._intake.next():
            try:
                self._handle(taken.message, taken.queued)
            except EngineUnavailable as error:
                log.error("worker.engine_unavailable", error=error.message)
                self._exit_code = EXIT_ENGINE_UNAVAILABLE
                self.stop.ask()
            except AnalysisError as error:
                # Settling itself failed: the message shows up again when its time is over.
                log.warning("worker.left_for_later", error_code=error.code, error=error.message)
            except Exception:
                # The same; the others in hand go on.
                log.exception("worker.unexpected_error")
            finally:
                self._intake.put_down(taken)

    def _handle(self, message: Message, queued: QueuedJob) -> None:
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
