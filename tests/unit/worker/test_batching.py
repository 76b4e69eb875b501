"""Questions that wait are answered together, and nobody waits for others to come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.worker.batching import LOOK_S, Batcher, CallerGone, PendingRequest


class Counter:
    """Answers with the batch that a question was in; holds every batch until it is let go."""

    def __init__(self, turns: int = 1, most: int = 4) -> None:
        self.batches: list[list[str]] = []
        self.let_go = threading.Semaphore(0)
        self.gather: Batcher[str, list[str]] = Batcher(
            self._act, turns=turns, most=most, go_together=lambda one, other: one[0] == other[0], name="test"
        )
        self._pool = ThreadPoolExecutor(16)

    def _act(self, taken: list[PendingRequest[str, list[str]]]) -> None:
        batch = [asked.question for asked in taken]
        self.batches.append(batch)
        assert self.let_go.acquire(timeout=10)
        if "bad" in batch[0]:
            raise ValueError(batch[0])
        for asked in taken:
            asked.end(batch)

    def ask(self, question: str, *, alone: bool = False, watch=lambda _: None) -> Future[list[str]]:
        return self._pool.submit(self.gather.ask, question, watch, alone=alone)

    def until_taken(self, batches: int) -> None:
        until(lambda: len(self.batches) == batches)

    def until_waiting(self, questions: int) -> None:
        until(lambda: len(self.gather._waiting) == questions)


def until(reached) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def holding(counter: Counter, *questions: str):
    """All turns are taken, and these questions wait behind them, in this order."""
    first = counter.ask("x")
    counter.until_taken(1)
    asked = []
    for number, question in enumerate(questions, 1):
        asked.append(counter.ask(question))
        counter.until_waiting(number)
    yield asked
    counter.let_go.release(100)
    first.result(10)


def test_one_question_waits_for_no_others() -> None:
    counter = Counter()
    answer = counter.ask("a")
    counter.let_go.release()
    assert answer.result(10) == ["a"]


def test_what_has_gathered_is_answered_together_up_to_a_batch() -> None:
    counter = Counter(most=3)
    with holding(counter, "a1", "a2", "a3", "a4") as asked:
        pass
    assert [one.result(10) for one in asked] == [["a1", "a2", "a3"]] * 3 + [["a4"]]


def test_only_what_goes_together() -> None:
    counter = Counter()
    with holding(counter, "a1", "b1", "a2", "b2") as asked:
        pass
    assert [one.result(10) for one in asked] == [["a1", "a2"], ["b1", "b2"]] * 2


def test_free_turns_share_what_waits() -> None:
    counter = Counter(turns=2, most=8)
    asked = [counter.ask("x"), counter.ask("y", alone=True)]
    counter.until_taken(2)
    asked += [counter.ask(f"a{number}") for number in range(4)]
    counter.until_waiting(4)
    counter.let_go.release(100)
    for one in asked:
        one.result(10)
    # The first that is free takes half if the other is free as well, else all.
    assert len(counter.batches[2]) in {2, 4}
    assert sum(map(len, counter.batches)) == 6


def test_alone_is_alone() -> None:
    counter = Counter()
    first = counter.ask("x")
    counter.until_taken(1)
    asked = [counter.ask("a1"), counter.ask("a2", alone=True), counter.ask("a3")]
    counter.until_waiting(3)
    counter.let_go.release(100)
    first.result(10)
    assert asked[1].result(10) == ["a2"]
    assert sorted(asked[0].result(10)) == ["a1", "a3"]


def test_an_error_reaches_everyone_in_the_batch_and_nobody_else() -> None:
    counter = Counter()
    with holding(counter, "bad1", "bad2", "a1") as asked:
        pass
    for one in asked[:2]:
        with pytest.raises(ValueError, match="bad1"):
            one.result(10)
    assert asked[2].result(10) == ["a1"]


class GoneAway(Exception):
    pass


def leave(_progress: float) -> None:
    raise GoneAway


def test_whoever_leaves_while_waiting_is_not_answered() -> None:
    counter = Counter()
    with holding(counter, "a1") as asked, pytest.raises(GoneAway):
        counter.ask("a2", watch=leave).result(10)
    assert asked[0].result(10) == ["a1"]


def test_whoever_leaves_a_batch_leaves_the_others_in_it() -> None:
    counter = Counter()
    left = threading.Event()

    def watch(_progress: float) -> None:
        if left.is_set():
            raise GoneAway

    first = counter.ask("x")
    counter.until_taken(1)
    asked = [counter.ask("a1"), counter.ask("a2", watch=watch)]
    counter.until_waiting(2)
    counter.let_go.release()
    first.result(10)
    counter.until_taken(2)
    left.set()
    with pytest.raises(GoneAway):
        asked[1].result(10)
    counter.let_go.release()
    assert sorted(asked[0].result(10)) == ["a1", "a2"]


def test_nobody_waits_for_an_answer_that_nobody_gives() -> None:
    """One that left just as its turn came is not answered; it must not wait for that."""

    def act(taken: list[PendingRequest[str, str]]) -> None:
        until(lambda: taken[0].is_dropped)

    gather: Batcher[str, str] = Batcher(act, turns=1, most=4, go_together=lambda one, other: True, name="test")
    with ThreadPoolExecutor(1) as pool, pytest.raises(GoneAway):
        pool.submit(gather.ask, "a", leave, alone=True).result(10)


def test_one_that_is_alone_stays_until_its_answer_is_given_up() -> None:
    """Its work goes on in the asker's folder until then."""
    stopped = threading.Event()

    def act(taken: list[PendingRequest[str, str]]) -> None:
        [asked] = taken
        until(lambda: asked.is_dropped)
        time.sleep(2 * LOOK_S)
        stopped.set()
        asked.fail(CallerGone())

    gather: Batcher[str, str] = Batcher(act, turns=1, most=4, go_together=lambda one, other: True, name="test")
    with pytest.raises(GoneAway):
        gather.ask("a", leave, alone=True)
    assert stopped.is_set()
