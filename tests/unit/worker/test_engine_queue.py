"""Requests that wait share a run, and none waits for others that are not on their way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from service.worker.engine_queue import LINGER_S, EngineQueue, Pending


class GoneAway(Exception):
    pass


@dataclass(eq=False)
class Ask:
    """Goes with those of the same first letter."""

    name: str
    alone: bool = False
    is_unwanted: threading.Event = field(default_factory=threading.Event)

    def goes_with(self, other: Ask) -> bool:
        return self.name[0] == other.name[0]

    def check(self) -> None:
        if self.is_unwanted.is_set():
            raise GoneAway


class Counter:
    """Answers with the batch of a request; holds every batch until `let_go` is released."""

    def __init__(self, slots: int = 1, largest: int = 4) -> None:
        self.batches: list[list[str]] = []
        self.let_go = threading.Semaphore(0)
        self.queue: EngineQueue[Ask, list[str]] = EngineQueue(self._act, slots=slots, largest=lambda first: largest)

    def _act(self, taken: list[Pending[Ask, list[str]]]) -> None:
        batch = [pending.request.name for pending in taken]
        self.batches.append(batch)
        assert self.let_go.acquire(timeout=10)
        if "bad" in batch[0]:
            raise ValueError(batch[0])
        for pending in taken:
            pending.answer.set_result(batch)

    def ask(self, name: str, *, alone: bool = False) -> Future[list[str]]:
        return self.queue.submit(Ask(name, alone))

    def until_taken(self, batches: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.batches) < batches:
            assert time.monotonic() < deadline
            time.sleep(0.005)


@contextmanager
def holding(counter: Counter, *names: str):
    """Take the slot, and let these requests wait behind it, in this order."""
    first = counter.ask("x")
    counter.until_taken(1)
    yield [counter.ask(name) for name in names]
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
    for _ in range(8):
        counter.queue.expect()
    answers = [counter.ask(f"a{number}") for number in range(4)]
    for _ in range(8):
        counter.queue.arrived()
    counter.until_taken(2)
    counter.let_go.release(2)
    wait(answers, 10)
    assert sorted(map(len, counter.batches)) == [2, 2]


def test_a_request_alone_has_its_own_batch() -> None:
    counter = Counter()
    first = counter.ask("x")
    counter.until_taken(1)
    answers = [counter.ask("a1"), counter.ask("a2", alone=True), counter.ask("a3")]
    counter.let_go.release(100)
    first.result(10)
    assert answers[1].result(10) == ["a2"]
    assert answers[0].result(10) == ["a1", "a3"]


def test_an_error_reaches_every_request_of_its_batch_and_no_other() -> None:
    counter = Counter()
    with holding(counter, "bad1", "bad2", "a1") as answers:
        pass
    for one in answers[:2]:
        with pytest.raises(ValueError, match="bad1"):
            one.result(10)
    assert answers[2].result(10) == ["a1"]


def test_a_waiting_request_that_is_given_up_ends_at_once_and_is_not_run() -> None:
    counter = Counter()
    with holding(counter, "a1") as answers:
        unwanted = Ask("a2")
        answer = counter.queue.submit(unwanted)
        unwanted.is_unwanted.set()
        counter.queue.drop_given_up()
        with pytest.raises(GoneAway):
            answer.result(0)
    assert answers[0].result(10) == ["a1"]


def test_a_free_engine_waits_for_announced_requests() -> None:
    counter = Counter()
    counter.queue.expect()
    counter.queue.expect()
    first = counter.ask("a1")
    counter.queue.arrived()
    assert not wait([first], LINGER_S / 5).done
    assert counter.batches == []
    second = counter.ask("a2")
    counter.queue.arrived()
    counter.let_go.release()
    assert [one.result(10) for one in (first, second)] == [["a1", "a2"]] * 2


def test_a_full_batch_waits_for_no_announced_request() -> None:
    counter = Counter(largest=2)
    counter.queue.expect()
    began = time.monotonic()
    answers = [counter.ask("a1"), counter.ask("a2")]
    counter.let_go.release()
    wait(answers, 10)
    assert time.monotonic() - began < LINGER_S


def test_an_announced_request_that_does_not_come_is_waited_for_only_a_moment() -> None:
    counter = Counter()
    counter.queue.expect()
    answer = counter.ask("a")
    counter.let_go.release()
    assert answer.result(10) == ["a"]


@pytest.mark.parametrize(("most", "taken"), [(-1, []), (0, []), (1, ["a1"]), (2, ["a1", "a3"]), (9, ["a1", "a3"])])
def test_a_run_takes_as_many_more_as_it_has_room_for_and_only_those_like_its_first(most: int, taken: list[str]) -> None:
    counter = Counter()
    with holding(counter, "a1", "b2", "a3"):
        more = counter.queue.take_more(Ask("a"), most)
        assert [pending.request.name for pending in more] == taken
        for pending in more:
            pending.answer.set_result([])


def test_a_request_alone_joins_no_run() -> None:
    counter = Counter()
    with holding(counter):
        counter.queue.submit(Ask("a", alone=True))
        assert counter.queue.take_more(Ask("a"), 9) == []


def test_the_load_is_of_batches_at_work_and_requests_that_wait() -> None:
    counter = Counter()
    assert counter.queue.load == 0
    with holding(counter, "a1", "a2") as answers:
        assert counter.queue.load == 3
    wait(answers, 10)


def test_more_is_expected_while_a_request_waits_or_is_announced() -> None:
    counter = Counter()
    with holding(counter):
        assert not counter.queue.expects_more
        counter.queue.expect()
        assert counter.queue.expects_more
        counter.queue.arrived()
        counter.ask("a")
        assert counter.queue.expects_more


def test_an_engine_may_stay_idle_while_nothing_waits_and_the_end_is_not_near() -> None:
    counter = Counter()
    with holding(counter):
        assert counter.queue.can_spare_an_engine
        counter.ask("a")
        assert not counter.queue.can_spare_an_engine
    counter.queue.close()
    assert not counter.queue.can_spare_an_engine


def test_the_threads_end_with_the_queue() -> None:
    before = engine_threads()
    counter = Counter()
    answer = counter.ask("a")
    counter.let_go.release()
    answer.result(10)
    counter.queue.close()
    assert engine_threads() <= before


def engine_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("engine")}
