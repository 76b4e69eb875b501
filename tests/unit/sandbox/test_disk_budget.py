"""Media share a disk by their bytes: what does not fit waits its turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from service.sandbox import disk_budget
from service.sandbox.disk_budget import COPIES, DiskBudget

GIB = 1 << 30


def nothing() -> None:
    pass


class Held:
    """Items that take their share on threads, and give it back when told so."""

    def __init__(self, budget: DiskBudget) -> None:
        self._budget = budget
        self._pool = ThreadPoolExecutor(8)
        self.taken: list[str] = []
        self._changed = threading.Condition()
        self._ends: dict[str, threading.Event] = {}

    def begin(self, name: str, size: int) -> None:
        end = self._ends[name] = threading.Event()

        def hold() -> None:
            with self._budget.share() as share:
                share.take(size, nothing)
                with self._changed:
                    self.taken.append(name)
                    self._changed.notify_all()
                assert end.wait(10)

        self._pool.submit(hold)

    def end(self, name: str) -> None:
        self._ends[name].set()

    def until(self, *names: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= len(names), 10)
            assert self.taken == list(names)


@pytest.fixture
def disk() -> Held:
    return Held(DiskBudget(8 * GIB))


def test_three_large_videos_take_turns_on_a_disk_for_two(disk: Held) -> None:
    for number, name in enumerate(("first", "second", "third"), start=1):
        disk.begin(name, 2 * GIB)
        disk.until(*("first", "second")[:number])
    disk.end("first")
    disk.until("first", "second", "third")
    disk.end("second")
    disk.end("third")


def test_small_items_do_not_wait_behind_a_large_one(disk: Held) -> None:
    disk.begin("huge", 4 * GIB)
    disk.until("huge")
    disk.begin("waits", 1 * GIB)
    disk.begin("small", 1000)
    disk.until("huge", "small")
    for name in ("huge", "waits", "small"):
        disk.end(name)


def test_an_item_over_the_whole_budget_has_the_disk_to_itself(disk: Held) -> None:
    disk.begin("large", 1 * GIB)
    disk.until("large")
    disk.begin("over", 20 * GIB)
    disk.begin("behind", 1 * GIB)
    disk.until("large")
    disk.end("large")
    disk.until("large", "over")
    disk.end("over")
    disk.until("large", "over", "behind")
    disk.end("behind")


class GoneAway(Exception):
    pass


def test_a_waiting_item_that_is_given_up_lets_the_next_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_budget, "CHECK_S", 0.05)
    budget = DiskBudget(GIB)
    gone = threading.Event()

    def check() -> None:
        if gone.is_set():
            raise GoneAway

    def take(size: int, check=nothing) -> None:
        with budget.share() as share:
            share.take(size, check)

    with budget.share() as held, ThreadPoolExecutor(2) as pool:
        held.take(GIB // COPIES // 2, nothing)
        answers = [pool.submit(take, GIB, check)]
        assert not wait(answers, 0.1).done
        answers.append(pool.submit(take, GIB // COPIES // 2))
        assert not wait(answers, 0.1).done
        gone.set()
        assert answers[1].result(10) is None
        with pytest.raises(GoneAway):
            answers[0].result(10)
