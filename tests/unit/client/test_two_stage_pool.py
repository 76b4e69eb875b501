"""Two bounded pools: each item through both steps, a limited number at once, and an error ends all."""

from __future__ import annotations

import threading

import pytest

from service.client.two_stage_pool import in_two_steps


def test_every_item_goes_through_both_steps() -> None:
    found = in_two_steps(range(50), lambda n: n + 1, lambda n: n * 10, at_once=4, stop=threading.Event())
    assert sorted(found) == [10 * (n + 1) for n in range(50)]
    assert list(in_two_steps([], lambda n: n, lambda n: n, at_once=1, stop=threading.Event())) == []


def test_an_item_in_its_second_step_does_not_hold_the_first() -> None:
    all_begun = threading.Event()
    begun: list[int] = []

    def first(item: int) -> int:
        begun.append(item)
        if len(begun) == 3:
            all_begun.set()
        return item

    # The second step of the first item waits for the first step of the last.
    found = in_two_steps([1, 2, 3], first, lambda item: (item, all_begun.wait(5)), at_once=1, stop=threading.Event())
    assert sorted(found) == [(1, True), (2, True), (3, True)]


def test_no_more_items_than_the_limit_are_in_a_step() -> None:
    lock, here, most = threading.Lock(), 0, 0
    pair = threading.Barrier(2, timeout=5)

    def second(item: int) -> int:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        pair.wait()
        with lock:
            here -= 1
        return item

    assert sorted(in_two_steps(range(10), lambda n: n, second, at_once=2, stop=threading.Event())) == list(range(10))
    assert most == 2


@pytest.mark.parametrize("step", [1, 2])
def test_an_error_of_either_step_ends_all_and_tells_the_others(step: int) -> None:
    stop = threading.Event()

    def fails(item: int) -> int:
        if item == 3:
            raise KeyError("fault")
        return item

    steps = (fails, lambda n: n) if step == 1 else (lambda n: n, fails)
    with pytest.raises(KeyError):
        list(in_two_steps(range(100), *steps, at_once=1, stop=stop))
    assert stop.is_set()


def test_a_caller_who_leaves_early_stops_the_rest() -> None:
    stop = threading.Event()
    found = in_two_steps(range(100), lambda n: n, lambda n: n, at_once=1, stop=stop)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert stop.is_set()
