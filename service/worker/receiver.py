"""Where a worker's items come from: one look into the queue at a time, for as many messages as hands are free."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from service.errors import BadJob, StorageUnavailable
from service.jobs.job import NewerJob, QueuedJob
from service.jobs.job_queue import BATCH, JobQueue, Message, MessageGone
from service.logs import log
from service.worker.shutdown import Shutdown

IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.1, 1.3, 0.6
STORAGE_AWAY_S = 2.0
WORKSPACE_FULL_S = 2.0
HANDS_FULL_S = 0.1
UNFIT_S = 0.5
REFILL = 8
"""While more waits than can be taken, the queue is looked into again when an eighth of all hands is free."""
NEWER_AGAIN_S, NEWER_TIMES = 60, 30
"""While a release is rolled out, the message of a new web server waits so long, so often, for a new worker."""


@dataclass(frozen=True)
class Capacity:
    """How much one worker takes at once; more than its engines can do, so that they never wait, but not much more.

    Attributes:
        items: in all.
        videos: of them; they are large, and other workers could have them.
    """

    items: int
    videos: int


@dataclass(frozen=True)
class Lifetime:
    """When a worker leaves by itself, as one does that the queue's length has started.

    Attributes:
        until_idle_s: leave when looks into the queue have found nothing for so many seconds, with nothing in hand.
        take_for_s: take nothing new after so many seconds; what is in hand then is finished without hurry.
    """

    until_idle_s: float = float("inf")
    take_for_s: float = float("inf")


FOREVER = Lifetime()


@dataclass(frozen=True)
class ReceivedJob:
    """A message that is a job."""

    message: Message
    queued: QueuedJob

    @property
    def is_video(self) -> bool:
        return self.queued.job.media == "video"


class Receiver:
    """Deals out the queue's messages to the threads that ask for the next.

    Args:
        has_room: whether there is disk for another item.
        is_fit: whether what this worker measures can be trusted.
        lease_s: how long messages stay hidden once received.
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
        self._door = threading.Lock()
        self._ready: deque[ReceivedJob] = deque()
        self._at_once = 1
        self._count = threading.Lock()
        self._free = 0
        self._in_hand = 0
        self._began = time.monotonic()
        self._empty_since: float | None = None

    def next(self) -> ReceivedJob | None:
        """The next job; None when told to stop, or when the shift is over.

        One thread at a time looks into the queue, so that an idle worker asks no more often than if it had one.
        """
        with self._count:
            self._free += 1
        try:
            with self._door:
                return self._next()
        finally:
            with self._count:
                self._free -= 1

    def release(self, received: ReceivedJob) -> None:
        """The item is done with, one way or another."""
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
            if self._shift_is_over():
                return None
            if not self._has_room():
                # Taking messages only to fail them would use up attempts, and keep them from other workers.
                log.warning("worker.workspace_full")
                self._shutdown.wait(WORKSPACE_FULL_S)
            elif not self._is_fit():
                self._shutdown.wait(UNFIT_S)
            elif self._more_waits and self._free < self._refill:
                self._shutdown.wait(HANDS_FULL_S)
            # Whatever comes may be a video.
            elif self._videos.acquire(timeout=HANDS_FULL_S):
                self._videos.release()
                try:
                    if self._look():
                        continue
                except StorageUnavailable as error:
                    log.warning("worker.storage_away", error=error.message)
                    self._shutdown.wait(STORAGE_AWAY_S)
                    continue
                self._shutdown.wait(idle_s)
                idle_s = min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)
        while self._ready:
            self._hand_back(self._ready.popleft())
        return None

    def _look(self) -> bool:
        """Receive what there is, up to the free hands; whether there was anything. Raises StorageUnavailable."""
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
                self._hand_back(received)
            else:
                self._ready.append(received)
        # Videos are taken one by one: what could not be held would be hidden from others for nothing.
        self._at_once = 1 if videos else min(2 * self._at_once, BATCH)
        return bool(messages)

    def _hand_back(self, received: ReceivedJob) -> None:
        with self._count:
            self._in_hand -= 1
        with suppress(StorageUnavailable, MessageGone):
            self._queue.hide(received.message, 0)

    def _read(self, message: Message) -> QueuedJob | None:
        """The job that a message is; a newer release's is handed back, one that is none is set aside, word for word."""
        try:
            return QueuedJob.decode(message.text)
        except BadJob as error:
            if isinstance(error, NewerJob) and message.dequeue_count <= NEWER_TIMES:
                log.info("message.newer_handed_back", error=error.message, message_id=message.id)
                with suppress(StorageUnavailable, MessageGone):
                    self._queue.hide(message, NEWER_AGAIN_S)
                return None
            log.error("message.set_aside", error_code=error.code, error=error.message, message_id=message.id)
        # Where storage goes away meanwhile the message shows up again.
        with suppress(StorageUnavailable, MessageGone):
            self._queue.send_to_poison(message.text)
            self._queue.delete(message)
        return None

    def _shift_is_over(self) -> bool:
        """Asked behind the door, where nothing can be taken up meanwhile."""
        with self._count:
            # Before the first look nothing is known of the queue: a slow start is no idling.
            idle_since = None if self._in_hand else self._empty_since
        now = time.monotonic()
        is_idle = idle_since is not None and now - idle_since >= self._lifetime.until_idle_s
        return is_idle or now - self._began >= self._lifetime.take_for_s
