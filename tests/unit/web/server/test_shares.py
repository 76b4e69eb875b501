"""Connections shared among processes: the one with fewer takes the next."""

from __future__ import annotations

from service.web.server.shares import LEAD, PROCESSES, Shares


def test_a_process_is_ahead_by_more_than_the_lead() -> None:
    shares = Shares()
    shares.begin(0)
    shares.begin(1)
    shares.set(0, LEAD)
    assert not shares.is_ahead(0)
    shares.set(0, LEAD + 1)
    assert (shares.is_ahead(0), shares.is_ahead(1)) == (True, False)


def test_a_process_that_is_gone_does_not_count() -> None:
    shares = Shares()
    shares.begin(0)
    shares.begin(1)
    shares.set(0, 50)
    shares.end(1)
    assert not shares.is_ahead(0)


def test_a_process_without_others_is_never_ahead() -> None:
    shares = Shares()
    shares.begin(5)
    shares.set(5, 1000)
    assert not shares.is_ahead(5)


def test_numbers_count_on_when_processes_are_replaced() -> None:
    shares = Shares()
    shares.begin(PROCESSES + 2)
    shares.set(PROCESSES + 2, 9)
    shares.begin(3)
    assert shares.is_ahead(2)
