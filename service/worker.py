"""The worker: receive ▸ claim ▸ pipeline ▸ settle, several items in hand, until it is told to stop.

While the engines work, the next items are fetched and the last ones published. Each item has a thread, a lease and a
record of its own; what they share is the engine room.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

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

IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.1, 1.3, 0.6
STORAGE_AWAY_S = 2.0
WORKSPACE_FULL_S = 2.0
HANDS_FULL_S = 0.1

EXIT_OK = 0
EXIT_ENGINE_UNAVAILABLE = 3


@dataclass(frozen=True)
class Hands:
    """How much one worker takes at once; more than its engines can do, so that they never wait, but not much more.

    Attributes:
        items: in all.
        videos: of them; they are large, and other workers could have them.
    """

    items: int
    videos: int


@dataclass(frozen=True)
class Shift:
    """When a worker leaves by itself, as one does that the queue's length has started.

    Attributes:
        until_idle_s: leave after so many seconds without a message and with nothing in hand.
        take_for_s: take nothing new after so many seconds; what is in hand then is finished without hurry.
    """

    until_idle_s: float = float("inf")
    take_for_s: float = float("inf")


FOREVER = Shift()


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
    _queue_door: threading.Lock = field(default_factory=threading.Lock)
    _videos: threading.Semaphore = field(init=False)
    _count: threading.Lock = field(default_factory=threading.Lock)
    _in_hand: int = 0
    _began: float = 0.0
    _worked: float = 0.0
    _exit_code: int = EXIT_OK

    def __post_init__(self) -> None:
        self._videos = threading.Semaphore(self.hands.videos)

    def run(self) -> int:
        """Work until asked to stop; returns the process's exit code."""
        self._began = self._worked = time.monotonic()
        log.info("worker.ready", worker=self.name, engine=self.shop.pipeline.engine.name)
        others = [threading.Thread(target=self._work, name=f"item-{n}") for n in range(1, self.hands.items)]
        for thread in others:
            thread.start()
        self._work()
        for thread in others:
            thread.join()
        log.info("worker.stopped", worker=self.name)
        return self._exit_code

    def _work(self) -> None:
        while received := self._receive():
            message, queued = received
            try:
                self._handle(message, queued)
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
                self._put_down()
                if queued.job.media == "video":
                    self._videos.release()

    def _receive(self) -> tuple[Message, QueuedJob] | None:
        """The next job; None when told to stop, or when the shift is over.

        One thread at a time looks into the queue, so that an idle worker asks no more often than if it had one.
        """
        idle_s = IDLE_FIRST_S
        with self._queue_door:
            while not (self.stop.asked or self._shift_is_over()):
                if not self.shop.pipeline.workspace.has_room():
                    # Taking messages only to fail them would use up attempts, and keep them from other workers.
                    log.warning("worker.workspace_full")
                    self.stop.wait(WORKSPACE_FULL_S)
                    continue
                # Whatever comes may be a video.
                if not self._videos.acquire(timeout=HANDS_FULL_S):
                    continue
                queued = None
                try:
                    message = self.shop.queue.receive(self.lease_s)
                    queued = self._read(message) if message else None
                    if message and queued:
                        self._take_up()
                        return message, queued
                except StorageUnavailable as error:
                    log.warning("worker.storage_away", error=error.message)
                    self.stop.wait(STORAGE_AWAY_S)
                    continue
                finally:
                    if queued is None or queued.job.media != "video":
                        self._videos.release()
                if message:
                    continue
                self.stop.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)
        return None

    def _take_up(self) -> None:
        with self._count:
            self._in_hand += 1

    def _put_down(self) -> None:
        with self._count:
            self._in_hand -= 1
            self._worked = time.monotonic()

    def _shift_is_over(self) -> bool:
        """Asked behind the queue's door, where nothing can be taken up meanwhile."""
        with self._count:
            idle_s = 0.0 if self._in_hand else time.monotonic() - self._worked
        return idle_s >= self.shift.until_idle_s or time.monotonic() - self._began >= self.shift.take_for_s

    def _read(self, message: Message) -> QueuedJob | None:
        """The job that a message is; one that is none is set aside, word for word."""
        try:
            return QueuedJob.decode(message.text)
        except BadJob as error:
            log.error("message.set_aside", error_code=error.code, error=error.message, message_id=message.id)
            self.shop.queue.send_to_poison(message.text)
            self.shop.queue.delete(message)
            return None

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
