"""Times of frames: every frame has its own, the clock grows, and what it did is told in numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sandbox.decoders.clock import FAR_S, constant_rate, read_clock, usual_rate

THIRTY = [round(i / 30, 3) for i in range(30)]


def test_an_even_clock_is_kept() -> None:
    clock = read_clock(THIRTY, 0.04)
    assert list(clock.times) == THIRTY
    assert clock.step_s == pytest.approx(1 / 30, rel=1e-3)
    assert (clock.gaps, clock.restarts, clock.jumps, clock.start_s) == (0, 0, 0, 0.0)
    assert clock.jitter_s < 0.001
    assert clock.duration_s == pytest.approx(1.0, abs=0.001)


def test_a_gap_keeps_its_length() -> None:
    clock = read_clock([*THIRTY, *(21 + time_s for time_s in THIRTY)], 0.04)
    assert clock.times[29:31].tolist() == [0.967, 21.0]
    assert (clock.gaps, clock.longest_gap_s) == (1, pytest.approx(20.033))
    assert clock.step_s == pytest.approx(1 / 30, rel=1e-3)
    assert clock.jitter_s < 0.001


@pytest.mark.parametrize("back_to", [0.0, -5.0, 0.5])
def test_a_restart_continues_the_clock(back_to: float) -> None:
    clock = read_clock([*THIRTY, *(back_to + time_s for time_s in THIRTY)], 0.04)
    assert clock.restarts == 1
    assert clock.times.tolist() == pytest.approx([i / 30 for i in range(60)], abs=0.002)


def test_a_step_far_forward_continues_the_clock() -> None:
    clock = read_clock([*THIRTY, *(1 + FAR_S + time_s for time_s in THIRTY)], 0.04)
    assert (clock.jumps, clock.gaps) == (1, 0)
    assert clock.times.tolist() == pytest.approx([i / 30 for i in range(60)], abs=0.002)


def test_negative_times_begin_at_zero() -> None:
    clock = read_clock([time_s - 0.4 for time_s in THIRTY], 0.04)
    assert clock.start_s == -0.4
    assert clock.times.tolist() == pytest.approx(THIRTY)


def test_times_that_repeat_do_not_shift_those_that_follow() -> None:
    stamps = [0.0, 0.04, 0.04, 0.12, 0.11, 0.2, 0.24]
    clock = read_clock(stamps, 0.04)
    assert clock.times.tolist() == pytest.approx([0.0, 0.04, 0.041, 0.12, 0.121, 0.2, 0.24])
    assert clock.restarts == 0


def test_frames_without_a_time_follow_at_the_usual_distance() -> None:
    assert read_clock([None, None, None], 0.04).times.tolist() == pytest.approx([0, 0.04, 0.08])
    clock = read_clock([1.0, None, 1.08, 1.12, 1.16, 1.2], 0.1)
    assert clock.times[:4].tolist() == pytest.approx([0, 0.04, 0.08, 0.12])


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=50))
def test_whatever_the_stamps_every_frame_has_a_time_and_the_times_grow(stamps: list[float | None]) -> None:
    clock = read_clock(stamps, 0.04)
    assert len(clock.times) == len(stamps)
    assert clock.times[0] == 0
    assert all(earlier < later for earlier, later in pairwise(clock.times))


def test_a_rate_is_constant_where_no_frame_is_half_a_distance_off() -> None:
    assert constant_rate(THIRTY, Fraction(30)) == 30
    # OpenFace believes the header.
    assert constant_rate(THIRTY, Fraction(25)) is None
    assert constant_rate([*THIRTY[:10], *THIRTY[12:]], Fraction(30)) is None
    assert constant_rate([0.0, 0.04], Fraction(25)) == 25


def test_a_distance_near_a_usual_rate_is_that_rate() -> None:
    assert usual_rate(1001 / 30000) == Fraction(30000, 1001)
    assert usual_rate(0.0401) == 25
    assert usual_rate(0.1) == 10
    assert usual_rate(1e9) == Fraction(1, 1000)
