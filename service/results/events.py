"""Find events of an action unit over time, with hysteresis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.results.summary_model import Event, EventRule

CHOSEN = "chosen here, not taken from a publication"

INTENSITY = EventRule(
    column="AU??_r",
    onset=1.0,
    offset=0.5,
    merge_s=0.1,
    shortest_s=0.1,
    longest_s=None,
    why=f"intensity 1 is FACS level A, a trace; the rest is {CHOSEN}",
)
PRESENCE = EventRule(
    column="AU??_c",
    onset=1.0,
    offset=1.0,
    merge_s=0.1,
    shortest_s=0.1,
    longest_s=None,
    why=f"present is 1; the lengths are {CHOSEN}",
)
BLINK = EventRule(
    column="AU45_r",
    onset=1.0,
    offset=0.5,
    merge_s=0.0,
    # A single frame at 30 a second: of a closure of 0.1 s often one frame alone shows the eyes shut.
    shortest_s=0.03,
    longest_s=0.5,
    why=f"a blink is a short closure, mostly of 0.1 to 0.4 s; these thresholds are {CHOSEN}",
)
ROUNDED_S = 0.002
"""Tolerance for rounded times, written to the millisecond: three frames at 30 per second are 0.1 s."""
LEAST_OBSERVED_S = 10.0
"""Shortest observation with rates per minute: in a shorter one, a single event changes the rate by six."""

Numbers = NDArray[np.float64]


def events(times_s: Numbers, values: Numbers, lasts_s: Numbers, rule: EventRule) -> list[Event]:
    """Find the events of one signal, in order of time.

    A gap in the times (rows that do not count), or a value that is nan, ends an event, unless the rule merges over it.

    Args:
        times_s: times of the rows that pass the quality gate, in seconds, rising, shape (n,).
        values: their values, shape (n,).
        lasts_s: time from each row to the next frame, shape (n,).
        rule: its `longest_s` is not applied here: see `shorter_than`.
    """
    runs = event_runs(times_s, values, lasts_s, rule)
    return [_event(times_s, values, lasts_s, first, end) for first, end in runs]


def event_runs(times_s: Numbers, values: Numbers, lasts_s: Numbers, rule: EventRule) -> list[tuple[int, int]]:
    """Find the rows of the events, first and end; see `events`."""
    if len(times_s) == 0:
        return []
    starts = np.concatenate(([True], np.diff(times_s) > 1.5 * lasts_s[:-1]))
    active = _active(values, starts, rule)
    begins = np.flatnonzero(active & (starts | ~np.concatenate(([False], active[:-1]))))
    ends = np.flatnonzero(active & np.concatenate((starts[1:] | ~active[1:], [True]))) + 1
    runs = _merged(list(zip(begins.tolist(), ends.tolist(), strict=True)), times_s + lasts_s, times_s, rule.merge_s)
    shortest_s = rule.shortest_s - ROUNDED_S
    return [(first, end) for first, end in runs if _lasts(times_s, lasts_s, first, end) >= shortest_s]


def _lasts(times_s: Numbers, lasts_s: Numbers, first: int, end: int) -> float:
    # Of the rounded times that an event states.
    return round(float(times_s[end - 1] + lasts_s[end - 1]), 3) - round(float(times_s[first]), 3)


def shorter_than(found: Sequence[Event], longest_s: float) -> list[Event]:
    """Keep the events of at most this length."""
    return [event for event in found if event.end_s - event.start_s <= longest_s]


def _active(values: Numbers, starts: NDArray[np.bool_], rule: EventRule) -> NDArray[np.bool_]:
    """Apply a Schmitt trigger: on at the onset, off below the offset, else unchanged; off at each stretch's start."""
    known = np.isfinite(values)
    decided = np.where(values >= rule.onset, 1, np.where(known & (values >= rule.offset), -1, 0))
    decided[starts & (decided == -1)] = 0
    last = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return np.asarray((decided[last] == 1) & known, dtype=bool)


def _merged(runs: list[tuple[int, int]], ends_s: Numbers, times_s: Numbers, merge_s: float) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in runs:
        if merged and times_s[first] - ends_s[merged[-1][1] - 1] < merge_s - ROUNDED_S:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((first, end))
    return merged


def _event(times_s: Numbers, values: Numbers, lasts_s: Numbers, first: int, end: int) -> Event:
    peak = first + int(np.nanargmax(values[first:end]))
    return Event(
        start_s=round(float(times_s[first]), 3),
        end_s=round(float(times_s[end - 1] + lasts_s[end - 1]), 3),
        peak=round(float(values[peak]), 4),
        peak_s=round(float(times_s[peak]), 3),
    )
