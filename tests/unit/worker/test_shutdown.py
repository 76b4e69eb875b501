"""A shutdown lets jobs end within its grace period; a second request does not wait."""

from __future__ import annotations

import os
import signal
import time

import pytest

from service.errors import ShuttingDown
from service.worker.shutdown import Shutdown


def test_jobs_go_on_until_the_grace_period_is_over() -> None:
    shutdown = Shutdown(grace_s=60)
    shutdown.check()
    assert not shutdown.asked
    shutdown.ask()
    assert shutdown.asked
    shutdown.check()


@pytest.mark.parametrize(("grace_s", "times"), [(0, 1), (60, 2)])
def test_jobs_are_released_after_it_and_at_a_second_request(grace_s: float, times: int) -> None:
    shutdown = Shutdown(grace_s)
    for _ in range(times):
        shutdown.ask()
    with pytest.raises(ShuttingDown):
        shutdown.check()


def test_each_request_calls_those_who_asked_for_it() -> None:
    shutdown, called = Shutdown(60), []
    shutdown.on_asked(lambda: called.append("a"))
    shutdown.on_asked(lambda: called.append("b"))
    shutdown.ask()
    shutdown.ask()
    assert called == ["a", "b", "a", "b"]


def test_a_wait_ends_with_the_request() -> None:
    shutdown = Shutdown(60)
    began = time.monotonic()
    shutdown.wait(0.01)
    assert time.monotonic() - began >= 0.01
    shutdown.ask()
    shutdown.wait(60)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_ask_for_it(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    shutdown = Shutdown(60)
    try:
        shutdown.listen()
        os.kill(os.getpid(), number)
        assert shutdown.asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
