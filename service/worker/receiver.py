"""Receive as many messages as the worker has capacity for."""

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
from service.worker.pace import Pace
from service.worker.shutdown import Shutdown

IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S = 0.1, 1.3, 0.6
STORAGE_AWAY_S = 2.0
WORKSPACE_FULL_S = 2.0
UNFIT_S = 0.5
REFILL = 3
"""While more messages wait than fit, the queue is polled again when a third of what is held at most is free."""
LONGEST_WAIT_S = 3600.0
SPARE_VIDEO_AFTER_S = 2.0
"""A video beyond the engines is received this long after the last: workers at rest poll meanwhile."""
NEWER_FIRST_S, NEWER_LONGEST_S, NEWER_FOR_S = 15, 1800, 24 * 3600
"""First and longest delay of a newer release's message during a roll-out, and how long it waits for a new worker."""


@dataclass(frozen=True)
class Capacity:
    """Items that one worker holds at once; more than its engines can run, so that they never wait, but not many more.

    Attributes:
        items: pictures and videos together, at most; at a slow pace fewer, see `pace`.
        videos: at most, one more than the engines; they are large, and other workers could run them.
        hold_s: seconds of this worker's own work that pictures in hand may be.
    """

    items: int
    videos: int
    hold_s: float


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
    """Receives the queue's messages, one poll at a time, while there is capacity.

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
        self._capacity = capacity
        self._lifetime = lifetime
        self._pace = Pace(capacity.hold_s, first=BATCH, least=capacity.videos, most=capacity.items)
        self._more_waits = False
        self._ready: deque[ReceivedJob] = deque()
        self._at_once = 1
        self._changed = threading.Condition()
        self._in_hand = self._videos = 0
        self._last_video = 0.0
        self._began = time.monotonic()
        self._empty_since: float | None = None
        shutdown.on_asked(self._wake)

    def next(self) -> ReceivedJob | None:
        """Return the next job; None when shutting down, or at the end of the lifetime. One thread calls."""
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
            elif self._has_capacity():
                idle_s = self._poll_or_wait(idle_s)
        while self._ready:
            self._put_back(self._ready.popleft())
        return None

    def release(self, received: ReceivedJob) -> None:
        """Free the capacity that a received job took."""
        with self._changed:
            self._in_hand -= 1
            self._videos -= received.is_video
            self._empty_since = None
            if not received.is_video:
                self._pace.note_end()
            self._changed.notify_all()

    @property
    def in_hand(self) -> int:
        """Jobs that are received and not released."""
        with self._changed:
            return self._in_hand

    def wait_until_all_released(self) -> None:
        """Wait until no job is in hand."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_hand)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _has_capacity(self) -> bool:
        """Wait for capacity; False where the shutdown, or the end of the lifetime, comes before."""
        left_s = self._began + self._lifetime.take_for_s - time.monotonic()
        with self._changed:
            longest_s = SPARE_VIDEO_AFTER_S if self._videos else LONGEST_WAIT_S
            self._changed.wait_for(lambda: self._shutdown.asked or self._fits(), min(left_s, longest_s))
            return not self._shutdown.asked and self._fits()

    def _fits(self) -> bool:
        held_at_most = self._pace.allowance
        refill = max(1, held_at_most // REFILL) if self._more_waits else 1
        # The next message may be a video.
        spare = self._videos and self._videos >= self._capacity.videos - 1
        is_early = spare and time.monotonic() - self._last_video < SPARE_VIDEO_AFTER_S
        return held_at_most - self._in_hand >= refill and self._videos < self._capacity.videos and not is_early

    def _poll_or_wait(self, idle_s: float) -> float:
        """Poll once; wait where nothing came; return how long to wait the next time."""
        try:
            if self._poll():
                return idle_s
        except StorageUnavailable as error:
            log.warning("worker.storage_away", error=error.message)
            # A worker that leaves when idle does not wait for the end of an outage.
            self._empty_since = self._empty_since or time.monotonic()
            self._shutdown.wait(STORAGE_AWAY_S)
            return idle_s
        self._shutdown.wait(idle_s)
        return min(idle_s * IDLE_GROWTH, IDLE_LONGEST_S)

    def _poll(self) -> bool:
        """Receive up to the free capacity; return whether any message came. Raises StorageUnavailable."""
        wanted = min(self._at_once, self._pace.allowance - self._in_hand)
        messages = self._queue.receive_several(self._lease_s, wanted)
        self._more_waits = len(messages) == wanted
        if not messages and self._empty_since is None:
            self._empty_since = time.monotonic()
        jobs = [ReceivedJob(message, queued) for message in messages if (queued := self._read(message))]
        for received in jobs:
            self._take(received)
        # Videos are received one by one: one that does not fit would be hidden from other workers for nothing.
        self._at_once = 1 if any(received.is_video for received in jobs) else min(2 * self._at_once, BATCH)
        return bool(messages)

    def _take(self, received: ReceivedJob) -> None:
        with self._changed:
            if not self._in_hand:
                self._pace.begin()
            self._in_hand += 1
            self._videos += received.is_video
            self._last_video = time.monotonic() if received.is_video else self._last_video
            has_room = self._videos <= self._capacity.videos
        if has_room:
            self._ready.append(received)
        else:
            self._put_back(received)

    def _put_back(self, received: ReceivedJob) -> None:
        with suppress(StorageUnavailable, MessageGone):
            self._queue.hide(received.message, 0)
        with self._changed:
            self._in_hand -= 1
            self._videos -= received.is_video

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
        with self._changed:
            # Before the first poll the queue is unknown: a slow start is no idling.
            idle_since = None if self._in_hand else self._empty_since
        moment = time.monotonic()
        is_idle = idle_since is not None and moment - idle_since >= self._lifetime.until_idle_s
        return is_idle or moment - self._began >= self._lifetime.take_for_s


def _age_s(message: Message) -> float:
    return (now() - message.sent).total_seconds() if message.sent else 0.0


def _newer_delay_s(message: Message) -> int:
    return int(min(NEWER_FIRST_S * 2.0 ** (message.dequeue_count - 1), NEWER_LONGEST_S))
