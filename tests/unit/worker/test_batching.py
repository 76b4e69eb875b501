"""Concurrent requests share a batch, and none waits for others to come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.worker.batching import LOOK_S, Batcher, CallerGone, PendingRequest


class Counter:
    """Answers with the batch of a request; holds every batch until `let_go` is released."""

    def __init__(self, slots: int = 1, largest: int = 4) -> None:
        self.batches: list[list[str]] = []
        self.let_go = threading.Semaphore(0)
        self.batcher: Batcher[str, list[str]] = Batcher(
            self._act, slots=slots, largest=largest, go_together=lambda one, other: one[0] == other[0], name="test"
        )
        self._pool = ThreadPoolExecutor(16)

    def _act(self, taken: list[PendingRequest[str, list[str]]]) -> None:
        batch = [pending.request for pending in taken]
        self.batches.append(batch)
        assert self.let_go.acquire(timeout=10)
        if "bad" in batch[0]:
            raise ValueError(batch[0])
        for pending in taken:
            pending.end(batch)

    def ask(self, request: str, *, alone: bool = False, watch=lambda _: None) -> Future[list[str]]:
        return self._pool.submit(self.batcher.call, request, watch, alone=alone)

    def until_taken(self, batches: int) -> None:
        until(lambda: len(self.batches) == batches)

    def until_waiting(self, requests: int) -> None:
        until(lambda: len(self.batcher._waiting) == requests)


def until(reached) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def holding(counter: Counter, *requests: str):
    """Take all slots, and let these requests wait behind them, in this order."""
    first = counter.ask("x")
    counter.until_taken(1)
    answers = []
    for number, request in enumerate(requests, 1):
        answers.append(counter.ask(request))
        counter.until_waiting(number)
    yield answers
    counter.let_go.release(100)
    first.result(10)


def test_a_single_request_waits_for_no_others() -> None:
    counter = Counter()
    answer = counter.ask("a")
    counter.let_go.release()
    assert answer.result(10) == ["a"]


def test_waiting_requests_share_a_batch_up_to_its_size() -> None:
    counter = Counter(largest=3)
    with holding(counter, "a1", "a2", "a3", "a4") as answers:
        pass
    assert [one.result(10) for one in answers] == [["a1", "a2", "a3"]] * 3 + [["a4"]]


def test_incompatible_requests_have_batches_of_their_own() -> None:
    counter = Counter()
    with holding(counter, "a1", "b1", "a2", "b2") as answers:
        pass
    assert [one.result(10) for one in answers] == [["a1", "a2"], ["b1", "b2"]] * 2


def test_free_slots_share_the_waiting_requests() -> None:
    counter = Counter(slots=2, largest=8)
    answers = [counter.ask("x"), counter.ask("y", alone=True)]
    counter.until_taken(2)
    answers += [counter.ask(f"a{number}") for number in range(4)]
    counter.until_waiting(4)
    counter.let_go.release(100)
    for one in answers:
        one.result(10)
    # The first that is free takes half if the other is free as well, else all.
    assert len(counter.batches[2]) in {2, 4}
    assert sum(map(len, counter.batches)) == 6


def test_a_request_alone_has_its_own_batch() -> None:
    counter = Counter()
    first = counter.ask("x")
    counter.until_taken(1)
    answers = [counter.ask("a1"), counter.ask("a2", alone=True), counter.ask("a3")]
    counter.until_waiting(3)
    counter.let_go.release(100)
    first.result(10)
    assert answers[1].result(10) == ["a2"]
    assert sorted(answers[0].result(10)) == ["a1", "a3"]


def test_an_error_reaches_every_request_of_its_batch_and_no_other() -> None:
    counter = Counter()
    with holding(counter, "bad1", "bad2", "a1") as answers:
        pass
    for one in answers[:2]:
        with pytest.raises(ValueError, match="bad1"):
            one.result(10)
    assert answers[2].result(10) == ["a1"]


class GoneAway(Exception):
    pass


def leave(_progress: float) -> None:
    raise GoneAway


def test_a_request_cancelled_while_waiting_is_not_run() -> None:
    counter = Counter()
    with holding(counter, "a1") as answers, pytest.raises(GoneAway):
        counter.ask("a2", watch=leave).result(10)
    assert answers[0].result(10) == ["a1"]


def test_a_cancelled_request_leaves_the_others_in_its_batch() -> None:
    counter = Counter()
    left = threading.Event()

    def watch(_progress: float) -> None:
        if left.is_set():
            raise GoneAway

    first = counter.ask("x")
    counter.until_taken(1)
    answers = [counter.ask("a1"), counter.ask("a2", watch=watch)]
    counter.until_waiting(2)
    counter.let_go.release()
    first.result(10)
    counter.until_taken(2)
    left.set()
    with pytest.raises(GoneAway):
        answers[1].result(10)
    counter.let_go.release()
    assert sorted(answers[0].result(10)) == ["a1", "a2"]


def test_cancelled_request_does_not_block_its_batch() -> None:
    """A caller that cancels just as its batch starts gets no answer, and must not wait for one."""

    def act(taken: list[PendingRequest[str, str]]) -> None:
        until(lambda: taken[0].is_dropped)

    batcher: Batcher[str, str] = Batcher(act, slots=1, largest=4, go_together=lambda one, other: True, name="test")
    with ThreadPoolExecutor(1) as pool, pytest.raises(GoneAway):
        pool.submit(batcher.call, "a", leave, alone=True).result(10)


def test_a_caller_alone_stays_until_its_run_has_stopped() -> None:
    """Its run goes on in the caller's folder until then."""
    stopped = threading.Event()

    def act(taken: list[PendingRequest[str, str]]) -> None:
        [pending] = taken
        until(lambda: pending.is_dropped)
        time.sleep(2 * LOOK_S)
        stopped.set()
        pending.fail(CallerGone())

    batcher: Batcher[str, str] = Batcher(act, slots=1, largest=4, go_together=lambda one, other: True, name="test")
    with pytest.raises(GoneAway):
        batcher.call("a", leave, alone=True)
    assert stopped.is_set()
