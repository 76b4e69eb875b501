"""What a worker receives: as much as it has capacity for, and nothing that it could not begin."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from service.errors import StorageUnavailable
from service.jobs.job import SCHEMA, QueuedJob
from service.jobs.job_queue import BATCH, JobQueue, Message
from service.jobs.record import now
from service.worker import receiver as module
from service.worker.receiver import (
    IDLE_FIRST_S,
    IDLE_GROWTH,
    IDLE_LONGEST_S,
    NEWER_FIRST_S,
    NEWER_FOR_S,
    NEWER_LONGEST_S,
    STORAGE_AWAY_S,
    UNFIT_S,
    WORKSPACE_FULL_S,
    Capacity,
    Lifetime,
    ReceivedJob,
    Receiver,
)
from service.worker.shutdown import Shutdown
from tests.fixtures.jobs import job

PICTURE = QueuedJob(job("image"), "").encode()
VIDEO = QueuedJob(job("video"), "").encode()
NEWER = QueuedJob(job("image"), "").encode().replace('"schema": 1', f'"schema": {SCHEMA + 1}')

BRIEF = Lifetime(take_for_s=10)
"""A receiver that would wait for ever fails a test instead."""


class Waits(Shutdown):
    """Notes how long it would wait."""

    def __init__(self) -> None:
        super().__init__(grace_s=0)
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


@dataclass
class Queue:
    """Stand-in of the queue: asks for the end once it is empty and was asked `polls` times for nothing."""

    shutdown: Shutdown
    polls: int = 1
    waiting: list[Message] = field(default_factory=list)
    asked_for: list[int] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    away: int = 0

    def put(self, *texts: str, **more: Any) -> None:
        first = len(self.waiting)
        self.waiting += [Message(f"m{first + number}", "r", text, 1, now()) for number, text in enumerate(texts)]
        self.waiting = [replace(message, **more) for message in self.waiting]

    def receive_several(self, hidden_s: int, most: int) -> list[Message]:
        self.asked_for.append(most)
        if self.away:
            self.away -= 1
            raise StorageUnavailable("away")
        if not self.waiting:
            self.polls -= 1
            if not self.polls:
                self.shutdown.ask()
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken

    def hide(self, message: Message, hidden_s: int) -> Message:
        self.hidden.append((message.id, hidden_s))
        return message

    def send_to_poison(self, text: str) -> None:
        self.poisoned.append(text)

    def delete(self, message: Message) -> None:
        self.deleted.append(message.id)


class Bench:
    """A receiver over a stand-in of its queue."""

    def __init__(self, *, items: int = 64, videos: int = 2, lifetime: Lifetime = BRIEF, polls: int = 1) -> None:
        self.shutdown = Waits()
        self.queue = Queue(self.shutdown, polls)
        self.room: list[bool] = []
        self.fit: list[bool] = []
        self.receiver = Receiver(
            cast(JobQueue, self.queue),
            lambda: self.room.pop(0) if self.room else True,
            lambda: self.fit.pop(0) if self.fit else True,
            self.shutdown,
            60,
            Capacity(items, videos, hold_s=4.0),
            lifetime,
        )

    def take(self, count: int) -> list[ReceivedJob]:
        taken = [self.receiver.next() for _ in range(count)]
        return [one for one in taken if one]

    def while_waiting(self, act: Callable[[], None]) -> ReceivedJob | None:
        """Let something happen while the receiver waits for capacity; return what it receives then."""
        with ThreadPoolExecutor(1) as thread:
            received = thread.submit(self.receiver.next)
            wait([received], 0.05)
            act()
            return received.result(10)


def test_pictures_are_received_in_batches_that_double_and_videos_one_by_one() -> None:
    bench = Bench()
    bench.queue.put(*[PICTURE] * 63)
    bench.take(31)
    assert bench.queue.asked_for == [1, 2, 4, 8, 16]


def test_one_batch_is_held_before_the_pace_is_known() -> None:
    bench = Bench()
    bench.queue.put(*[PICTURE] * 30)
    assert len(bench.take(30)) == 30
    bench.queue.put(*[PICTURE] * 9)
    bench.take(2)
    assert bench.queue.asked_for[-1] == BATCH - 30


def test_a_video_among_pictures_begins_the_doubling_anew() -> None:
    bench = Bench(videos=9)
    bench.queue.put(PICTURE, PICTURE, VIDEO, PICTURE, PICTURE)
    assert [one.is_video for one in bench.take(5)] == [False, False, True, False, False]
    assert bench.queue.asked_for == [1, 2, 1, 2]


def test_no_more_is_held_than_fits() -> None:
    bench = Bench(items=3)
    bench.queue.put(*[PICTURE] * 9)
    bench.take(3)
    assert bench.queue.asked_for == [1, 2]


def test_a_worker_that_is_nearly_full_receives_again_once_a_third_is_free_while_more_waits() -> None:
    bench = Bench(items=16)
    bench.queue.put(*[PICTURE] * 20)
    first = bench.take(15)[:4]
    assert bench.while_waiting(lambda: [bench.receiver.release(one) for one in first])
    assert bench.queue.asked_for == [1, 2, 4, 8, 5]


def test_a_worker_for_which_nothing_more_waited_receives_as_soon_as_one_fits() -> None:
    bench = Bench(items=23)
    bench.queue.put(*[PICTURE] * 22)
    bench.take(22)
    bench.queue.put(PICTURE)
    assert bench.receiver.next()
    assert bench.queue.asked_for == [1, 2, 4, 8, 8, 1]


def test_a_video_beyond_the_engines_is_received_a_moment_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_VIDEO_AFTER_S", 0.1)
    bench = Bench(videos=2)
    bench.queue.put(VIDEO, VIDEO)
    bench.take(1)
    began = time.monotonic()
    assert bench.receiver.next()
    assert time.monotonic() - began >= 0.1


def test_a_video_for_a_free_engine_is_received_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_VIDEO_AFTER_S", 5.0)
    bench = Bench(videos=3)
    bench.queue.put(VIDEO, VIDEO)
    began = time.monotonic()
    bench.take(2)
    assert time.monotonic() - began < 5


def test_a_video_that_does_not_fit_goes_back_at_once() -> None:
    bench = Bench(videos=1)
    bench.queue.put(PICTURE, VIDEO, VIDEO, PICTURE)
    # The second poll brings two videos, of which one fits.
    assert [one.is_video for one in bench.take(2)] == [False, True]
    assert bench.queue.hidden == [("m2", 0)]
    assert bench.receiver.in_hand == 2


def test_nothing_is_received_while_as_many_videos_are_in_hand_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_VIDEO_AFTER_S", 0.0)
    bench = Bench(videos=1)
    bench.queue.put(VIDEO, PICTURE)
    [video] = bench.take(1)
    polls = []

    def release() -> None:
        polls.append(len(bench.queue.asked_for))
        bench.receiver.release(video)

    assert bench.while_waiting(release)
    assert polls == [1]


def test_a_receiver_waits_longer_and_longer_for_an_empty_queue() -> None:
    bench = Bench(polls=9)
    assert bench.receiver.next() is None
    grown = [min(IDLE_FIRST_S * IDLE_GROWTH**number, IDLE_LONGEST_S) for number in range(9)]
    assert bench.shutdown.waited == pytest.approx(grown)


def test_a_worker_leaves_after_an_idle_while() -> None:
    bench = Bench(lifetime=Lifetime(until_idle_s=0), polls=99)
    assert bench.receiver.next() is None
    assert not bench.shutdown.asked
    assert bench.queue.asked_for == [1]


def test_a_worker_with_a_job_in_hand_is_not_idle() -> None:
    bench = Bench(lifetime=Lifetime(until_idle_s=0), polls=3)
    bench.queue.put(PICTURE)
    bench.take(1)
    assert bench.receiver.next() is None
    assert bench.shutdown.asked


def test_a_worker_receives_nothing_once_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    bench = Bench(lifetime=Lifetime(take_for_s=0))
    bench.queue.put(PICTURE)
    assert bench.receiver.next() is None
    assert bench.queue.asked_for == []


def test_an_unfit_worker_and_one_without_disk_space_leave_the_queue_to_others() -> None:
    bench = Bench()
    bench.queue.put(PICTURE)
    bench.room, bench.fit = [False, True, True, True], [False, False, True]
    assert bench.receiver.next()
    assert bench.shutdown.waited == [WORKSPACE_FULL_S, UNFIT_S, UNFIT_S]
    assert bench.queue.asked_for == [1]


def test_a_worker_waits_while_storage_is_away() -> None:
    bench = Bench()
    bench.queue.away = 2
    bench.queue.put(PICTURE)
    assert bench.receiver.next()
    assert bench.shutdown.waited == [STORAGE_AWAY_S] * 2


def test_a_worker_that_leaves_when_idle_does_not_wait_for_storage() -> None:
    bench = Bench(lifetime=Lifetime(until_idle_s=0))
    bench.queue.away = 2
    assert bench.receiver.next() is None
    assert bench.queue.away == 1


def test_what_was_received_ahead_goes_back_at_a_shutdown() -> None:
    bench = Bench()
    bench.queue.put(*[PICTURE] * 3)
    bench.take(2)
    bench.shutdown.ask()
    assert bench.receiver.next() is None
    assert bench.queue.hidden == [("m2", 0)]


@pytest.mark.parametrize(
    ("received", "hidden_s"),
    [(1, NEWER_FIRST_S), (2, 2 * NEWER_FIRST_S), (4, 8 * NEWER_FIRST_S), (40, NEWER_LONGEST_S)],
)
def test_a_newer_releases_message_goes_back_for_longer_and_longer(received: int, hidden_s: int) -> None:
    bench = Bench()
    bench.queue.put(NEWER, dequeue_count=received)
    assert bench.receiver.next() is None
    assert bench.queue.hidden == [("m0", hidden_s)]
    assert bench.queue.poisoned == []


@pytest.mark.parametrize(
    ("text", "age_s"), [("no job", 0), (NEWER.replace("box", "BOX"), NEWER_FOR_S), (NEWER, NEWER_FOR_S)]
)
def test_what_is_no_job_and_a_newer_message_that_waited_too_long_are_set_aside_unchanged(text: str, age_s: int) -> None:
    bench = Bench()
    bench.queue.put(text, sent=now() - timedelta(seconds=age_s))
    assert bench.receiver.next() is None
    assert (bench.queue.poisoned, bench.queue.deleted, bench.queue.hidden) == ([text], ["m0"], [])
