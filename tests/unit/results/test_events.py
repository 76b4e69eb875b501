"""Events of a signal: where they begin and end, and which are counted."""

from __future__ import annotations

import numpy as np
import pytest

from service.results.events import BLINK, INTENSITY, PRESENCE, events, shorter_than
from service.results.summary_model import EventRule

FRAME_S = 0.04
NAN = float("nan")


def found(values: list[float], rule: EventRule = INTENSITY, dropped: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """First and last frame of each event; `dropped` frames are not among the rows."""
    kept = [i for i in range(len(values)) if i not in dropped]
    told = events(np.array(kept) * FRAME_S, np.array(values, dtype=float)[kept], np.full(len(kept), FRAME_S), rule)
    return [(round(event.start_s / FRAME_S), round(event.end_s / FRAME_S) - 1) for event in told]


@pytest.mark.parametrize(
    ("values", "rule", "expected"),
    [
        ([0, 0, 0, 0], INTENSITY, []),
        ([0, 1, 1, 1, 0], INTENSITY, [(1, 3)]),
        # Hysteresis: 0.6 keeps an event up and begins none.
        ([0.6, 0.6, 1.2, 0.6, 0.6, 0.4, 0.6], INTENSITY, [(2, 4)]),
        ([1, 1, 0.9, 0.9, 0.5, 0.49], INTENSITY, [(0, 4)]),
        # Two frames at 25 fps are 0.08 s: too short.
        ([0, 2, 2, 0], INTENSITY, []),
        ([0, 2, 2, 2, 0], INTENSITY, [(1, 3)]),
        # A pause of one or two frames is merged over, a longer one is not.
        ([2, 2, 0, 2, 2], INTENSITY, [(0, 4)]),
        ([2, 2, 2, 0, 0, 2, 2, 2], INTENSITY, [(0, 7)]),
        ([2, 2, 2, 0, 0, 0, 2, 2, 2], INTENSITY, [(0, 2), (6, 8)]),
        ([2, 2, 2, NAN, 0.6, 0.6], INTENSITY, [(0, 2)]),
        ([0, 1, 1, 1, 0], PRESENCE, [(1, 3)]),
        # Blinks are not merged: two in quick succession are two.
        ([0, 2, 2, 0, 2, 2, 0], BLINK, [(1, 2), (4, 5)]),
        ([], INTENSITY, []),
        ([3, 3, 3], INTENSITY, [(0, 2)]),
    ],
)
def test_an_event_begins_and_ends_by_its_rule(
    values: list[float], rule: EventRule, expected: list[tuple[int, int]]
) -> None:
    assert found(values, rule) == expected


def test_frames_that_do_not_count_end_an_event() -> None:
    values = [2.0] * 20
    assert found(values, dropped=tuple(range(8, 12))) == [(0, 7), (12, 19)]
    # What came before the gap does not hold up what comes after.
    assert found([2.0] * 8 + [0.6] * 12, dropped=(8, 9, 10, 11)) == [(0, 7)]


def test_the_peak_and_its_time() -> None:
    values = np.array([0, 1.0, 2.5, 4.25, 2.0, 0])
    [event] = events(np.arange(6) * FRAME_S, values, np.full(6, FRAME_S), INTENSITY)
    assert (event.peak, event.peak_s) == (4.25, pytest.approx(0.12))
    assert event.end_s - event.start_s == pytest.approx(0.16)


def test_long_closures_are_no_blinks() -> None:
    values = np.array([0] + [3] * 5 + [0] + [3] * 30 + [0], dtype=float)
    closures = events(np.arange(len(values)) * FRAME_S, values, np.full(len(values), FRAME_S), BLINK)
    assert len(closures) == 2
    assert BLINK.longest_s
    assert shorter_than(closures, BLINK.longest_s) == closures[:1]
