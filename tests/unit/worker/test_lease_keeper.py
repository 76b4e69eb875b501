"""Leases are renewed when they are due, by one thread that sleeps until then."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from service.worker.lease_keeper import AT_ONCE, LeaseKeeper


class Due:
    """Stands in for a lease: due every `every_s`, this many times."""

    def __init__(
        self, every_s: float, times: int, *, stops: bool = False, holds: threading.Event | None = None
    ) -> None:
        self.every_s, self.times, self.is_stopped, self._holds = every_s, times, False, holds
        self._stops = stops
        self.renewed = 0
        self.last = threading.Event()
        self.is_ended = False

    @property
    def next_due(self) -> float:
        return time.monotonic() + self.every_s

    def renew_if_due(self) -> bool:
        self.renewed += 1
        if self._holds:
            self._holds.wait(10)
        if self.renewed < self.times:
            return True
        self.is_stopped = self._stops
        self.last.set()
        return False

    def end(self) -> None:
        self.is_ended = True


def kept(keeper: LeaseKeeper, *leases: Any) -> None:
    for lease in leases:
        keeper.keeping(lease).__enter__()


def test_each_lease_is_renewed_at_its_own_pace_until_it_ends() -> None:
    slow, fast = Due(0.1, 2), Due(0.01, 5)
    with LeaseKeeper() as keeper:
        kept(keeper, slow, fast)
        assert fast.last.wait(10)
        assert slow.last.wait(10)
    assert (slow.renewed, fast.renewed) == (2, 5)


def test_a_lease_that_comes_due_before_the_others_is_not_kept_waiting() -> None:
    later, sooner = Due(60, 1), Due(0.01, 1)
    with LeaseKeeper() as keeper:
        kept(keeper, later, sooner)
        assert sooner.last.wait(10)
    assert later.renewed == 0


def test_a_renewal_that_storage_keeps_waiting_delays_no_other_lease() -> None:
    let_go = threading.Event()
    stuck, others = [Due(0, 1, holds=let_go) for _ in range(AT_ONCE - 1)], [Due(0.01, 3) for _ in range(3)]
    with LeaseKeeper() as keeper:
        kept(keeper, *stuck, *others)
        assert all(lease.last.wait(10) for lease in others)
        let_go.set()


def test_the_work_of_a_stopped_lease_is_looked_at_once_and_that_of_an_ended_one_is_not() -> None:
    stopped = threading.Semaphore(0)
    with LeaseKeeper(stopped.release) as keeper:
        ended, cancelled = Due(0, 1), Due(0.01, 1, stops=True)
        kept(keeper, ended, cancelled)
        assert stopped.acquire(timeout=10)
    assert not stopped.acquire(blocking=False)


@pytest.mark.parametrize("error", [None, RuntimeError("a defect")])
def test_a_lease_ends_with_its_block_however_that_ends(error: Exception | None) -> None:
    lease: Any = Due(60, 1)
    with LeaseKeeper() as keeper, suppress(RuntimeError), keeper.keeping(lease) as kept_one:
        assert kept_one is lease
        assert not lease.is_ended
        if error:
            raise error
    assert lease.is_ended
