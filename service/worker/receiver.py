"""Receive as many messages as there are free threads; one thread polls at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from service.errors import AnalysisError, BadJob, StorageUnavailable
from service.jobs.job import NewerJob, QueuedJob
from service.jobs.job_queue import BATCH, JobQueue, Message, MessageGone
from service.jobs.record import now
from service.logs import log
from service.worker.shutdown import Shutdown

IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.1, 1.3, 0.6
STORAGE_AWAY_S = 2.0
WORKSPACE_FULL_S = 2.0
BUSY_S = 0.1
UNFIT_S = 0.5
REFILL = 8
"""While more messages wait than fit, the queue is polled again when an eighth of the capacity is free."""
NEWER_FIRST_S, NEWER_LONGEST_S, NEWER_FOR_S = 15, 1800, 24 * 3600
"""First and longest delay of a newer release's message during a roll-out, and how long it waits for a new worker."""


@dataclass(frozen=True)
class Capacity:
    """Items that one worker holds at once; more than its engines can run, so that they never wait, but not many more.

    Attributes:
        items: pictures and videos together.
        videos: at most; they are large, and other workers could run them.
    """

    items: int
    videos: int


@dataclass(frozen=True)
class Lifetime:
    """When a worker exits by itself, as one does that a scaler has started for the queue's length.

    Attributes:
        until_idle_s: exit when polls have found nothing for this long and no item is in hand.
        take_for_s: receive nothing new after this long; items in hand are finished without hurry.
    """

    until_idle_s: float = float("inf")
    take_for_s: float = float("inf")


FOREVER = Lifetime()


@dataclass(frozen=True)
class ReceivedJob:
    """A received message and the job in it."""

    message: Message
    queued: QueuedJob

    @property
    def is_video(self) -> bool:
        return self.queued.job.kind == "video"


class Receiver:
    """Distributes the queue's messages among the worker's threads.

    Args:
        has_room: whether there is disk space for another item.
        is_fit: whether the engine's numbers can be trusted.
        lease_s: seconds for which received messages stay hidden.
    """

    def __init__(
        self,
        queue: JobQueue,
        has_room: Callable[[], bool],
        is_fit: Callable[[], bool],
        shutdown: Shutdown,
        lease_s: int,
        capacity: Capacity,
        lifetime: Lifetime,
    ) -> None:
        self._queue = queue
        self._has_room = has_room
        self._is_fit = is_fit
        self._shutdown = shutdown
        self._lease_s = lease_s
        self._lifetime = lifetime
        self._refill = max(1, capacity.items // REFILL)
        self._more_waits = False
        self._videos = threading.Semaphore(capacity.videos)
        self._polling = threading.Lock()
        self._ready: deque[ReceivedJob] = deque()
        self._at_once = 1
        self._count = threading.Lock()
        self._free = 0
        self._in_hand = 0
        self._began = time.monotonic()
        self._empty_since: float | None = None

    def next(self) -> ReceivedJob | None:
        """Return the next job; None when shutting down, or at the end of the lifetime.

        One thread at a time polls the queue, so that an idle worker polls no more often than with one thread.
        """
        with self._count:
            self._free += 1
        try:
            with self._polling:
                return self._next()
        finally:
            with self._count:
                self._free -= 1

    def release(self, received: ReceivedJob) -> None:
        """Free the capacity that a received job took."""
        with self._count:
            self._in_hand -= 1
            self._empty_since = None
        if received.is_video:
            self._videos.release()

    def _next(self) -> ReceivedJob | None:
        idle_s = IDLE_FIRST_S
        while not self._shutdown.asked:
            if self._ready:
                return self._ready.popleft()
            if self._lifetime_is_over():
                return None
            if not self._has_room():
                # Receiving messages only to fail them would use up attempts, and keep them from other workers.
                log.warning("worker.workspace_full")
                self._shutdown.wait(WORKSPACE_FULL_S)
            elif not self._is_fit():
                self._shutdown.wait(UNFIT_S)
            elif self._more_waits and self._free < self._refill:
                self._shutdown.wait(BUSY_S)
            # The next message may be a video.
            elif self._videos.acquire(timeout=BUSY_S):
                self._videos.release()
                try:
                    if self._poll():
                        continue
                except StorageUnavailable as error:
                    log.warning("worker.storage_away", error=error.message)
                    # A worker that leaves when idle does not wait for the end of an outage.
                    self._empty_since = self._empty_since or time.monotonic()
                    self._shutdown.wait(STORAGE_AWAY_S)
                    continue
                self._shutdown.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)
        while self._ready:
            self._put_back(self._ready.popleft())
        return None

    def _poll(self) -> bool:
        """Receive up to the free capacity; return whether any message came. Raises StorageUnavailable."""
        wanted = min(self._at_once, self._free)
        messages = self._queue.receive_several(self._lease_s, wanted)
        self._more_waits = len(messages) == wanted
        if not messages and self._empty_since is None:
            self._empty_since = time.monotonic()
        videos = 0
        for message in messages:
            queued = self._read(message)
            if queued is None:
                continue
            with self._count:
                self._in_hand += 1
            received = ReceivedJob(message, queued)
            videos += received.is_video
            if received.is_video and not self._videos.acquire(blocking=False):
                self._put_back(received)
            else:
                self._ready.append(received)
        # Videos are received one by one: one that does not fit would be hidden from other workers for nothing.
        self._at_once = 1 if videos else min(2 * self._at_once, BATCH)
        return bool(messages)

    def _put_back(self, received: ReceivedJob) -> None:
        with self._count:
            self._in_hand -= 1
        with suppress(StorageUnavailable, MessageGone):
            self._queue.hide(received.message, 0)

    def _read(self, message: Message) -> QueuedJob | None:
        """Decode a message; put back a newer release's, and move one that is no job to the poison queue, unchanged."""
        try:
            return QueuedJob.decode(message.text)
        except BadJob as error:
            if isinstance(error, NewerJob) and _age_s(message) < NEWER_FOR_S:
                log.info("message.newer_handed_back", error=error.message, message_id=message.id)
                with suppress(AnalysisError):
                    self._queue.hide(message, _newer_delay_s(message))
                return None
            log.error("message.set_aside", error_code=error.code, error=error.message, message_id=message.id)
        except Exception as error:
            # A text that even the decoder stumbles over is no job, and must not end this thread.
            log.exception("message.set_aside", error_code=BadJob.code, error=repr(error)[:200], message_id=message.id)
        # Where storage is away now, the message becomes visible again.
        with suppress(AnalysisError):
            self._queue.send_to_poison(message.text)
            self._queue.delete(message)
        return None

    def _lifetime_is_over(self) -> bool:
        """Check the lifetime; called by the polling thread, so that nothing is received meanwhile."""
        with self._count:
            # Before the first poll the queue is unknown: a slow start is no idling.
            idle_since = None if self._in_hand else self._empty_since
        moment = time.monotonic()
        is_idle = idle_since is not None and moment - idle_since >= self._lifetime.until_idle_s
        return is_idle or moment - self._began >= self._lifetime.take_for_s


def _age_s(message: Message) -> float:
    return (now() - message.sent).total_seconds() if message.sent else 0.0


def _newer_delay_s(message: Message) -> int:
    return int(min(NEWER_FIRST_S * 2.0 ** (message.dequeue_count - 1), NEWER_LONGEST_S))
