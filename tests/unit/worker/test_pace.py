"""What a worker holds follows its own pace."""

from __future__ import annotations

from service.worker.pace import ENOUGH, Pace

HOLD_S = 4.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def worked(pace: Pace, clock: Clock, ends: int, every_s: float) -> None:
    """End pictures in a row."""
    for _ in range(ends):
        clock.now += every_s
        pace.note_end()


def made() -> tuple[Pace, Clock]:
    clock = Clock()
    pace = Pace(HOLD_S, first=32, least=2, most=100, clock=clock)
    pace.begin()
    return pace, clock


def test_a_pace_that_is_not_known_yet_allows_what_one_poll_brings() -> None:
    pace, clock = made()
    worked(pace, clock, ENOUGH - 1, 10.0)
    assert pace.allowance == 32


def test_a_worker_holds_some_seconds_of_its_own_work() -> None:
    pace, clock = made()
    worked(pace, clock, 40, 0.1)
    assert pace.allowance == round(10 * HOLD_S)


def test_a_slow_engine_holds_little_and_a_fast_one_no_more_than_its_bound() -> None:
    pace, clock = made()
    worked(pace, clock, 100, 60.0)
    assert pace.allowance == 2
    worked(pace, clock, 100, 0.001)
    assert pace.allowance == 100


def test_a_rest_does_not_count() -> None:
    pace, clock = made()
    worked(pace, clock, 40, 0.1)
    clock.now += 3600
    pace.begin()
    worked(pace, clock, 40, 0.1)
    assert pace.allowance == round(10 * HOLD_S)
