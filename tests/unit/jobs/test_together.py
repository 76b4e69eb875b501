"""What threads share of a call, and what not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import StorageUnavailable
from service.jobs.together import Together


class Gate:
    """A call that waits until it may go on, and keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, items: Sequence[int]) -> None:
        self.calls.append(sorted(items))
        self.begun.set()
        assert self.may_end.wait(20)
        if len(items) > 1 and -1 in items:
            raise ValueError("all of them")
        if -1 in items:
            raise ValueError("the bad one alone")


def _first_alone_then(gate: Gate, together: Together[int], *others: int) -> list[BaseException | None]:
    """Let one thread call, and the others come while it does; the error of each."""
    with ThreadPoolExecutor(len(others) + 1) as pool:
        calls = [pool.submit(together, [0])]
        assert gate.begun.wait(20)
        calls += [pool.submit(together, [other]) for other in others]
        while len(together._gathering.items if together._gathering else []) < len(others):
            threading.Event().wait(0.001)
        gate.may_end.set()
        return [call.exception() for call in calls]


def test_those_who_come_during_a_call_share_the_next() -> None:
    gate = Gate()
    assert _first_alone_then(gate, Together(gate), 1, 2, 3) == [None] * 4
    assert gate.calls == [[0], [1, 2, 3]]


def test_one_bad_item_fails_its_own_caller_alone() -> None:
    gate = Gate()
    errors = _first_alone_then(gate, Together(gate), 1, -1, 2)
    assert [str(error) for error in errors if error] == ["the bad one alone"]
    assert errors[2] is not None
    assert sorted(gate.calls[2:]) == [[-1], [1], [2]]


def test_nothing_calls_nothing() -> None:
    gate = Gate()
    Together(gate)([])
    assert gate.calls == []


def test_an_outage_is_asked_about_once_for_all() -> None:
    gate = Gate()

    def away(items: Sequence[int]) -> None:
        gate(items)
        raise StorageUnavailable("away")

    with pytest.raises(StorageUnavailable):
        gate.may_end.set()
        Together(away)([1])
    assert gate.calls == [[1]]
