"""Charts: coordinates worked out by hand, peaks and gaps that stay, and texts that cannot become markup."""

from __future__ import annotations

import re

import numpy as np
import pytest

from service.results.report.charts import (
    HEIGHT,
    WIDTH,
    Mark,
    Signal,
    TimeAxis,
    clock,
    histogram,
    lane,
    reduced,
)


def signal(values: list[float], frame_s: float = 1.0) -> Signal:
    return Signal(np.arange(len(values)) * frame_s, np.array(values, float))


def path_of(svg: str, kind: str = "line line-1") -> str:
    [found] = re.findall(rf'<path class="{kind}" d="([^"]*)"', svg)
    return found


def test_a_line_goes_through_its_values_upside_down() -> None:
    drawn = lane(TimeAxis(4, 1), "AU12", "", [signal([0, 5, 2.5])], bounds=(0, 5))
    # A second is a quarter of the width; 5 is at the top.
    assert path_of(drawn.svg) == f"M0 {HEIGHT} {WIDTH // 4} 0 {WIDTH // 2} {HEIGHT // 2}"
    assert drawn.note == "0 to 5"


def test_a_line_is_broken_where_a_frame_or_a_value_is_missing() -> None:
    missing = lane(
        TimeAxis(4, 1), "a", "", [Signal(np.array([0.0, 1.0, 3.0]), np.array([0.0, 5.0, 5.0]))], bounds=(0, 5)
    )
    # The last value stands alone and is drawn a pixel wide.
    assert path_of(missing.svg) == "M0 1000 2500 0M7500 0h1"
    nan = lane(TimeAxis(4, 1), "a", "", [signal([0, np.nan, 5, 5])], bounds=(0, 5))
    assert path_of(nan.svg) == "M0 1000h1M5000 0 7500 0"


def test_values_beyond_the_scale_stay_in_the_picture() -> None:
    assert path_of(lane(TimeAxis(2, 1), "a", "", [signal([-9, 99])], bounds=(0, 5)).svg) == "M0 1000 5000 0"


def test_a_scale_has_room_and_is_never_of_no_height() -> None:
    assert lane(TimeAxis(2, 1), "a", "mm", [signal([100, 200])]).note == "mm; 95 to 205"
    assert lane(TimeAxis(2, 1), "a", "", [signal([3, 3])]).note == "2.5 to 3.5"
    assert lane(TimeAxis(2, 1), "a", "", [signal([np.nan])]).note == "0 to 1"
    assert lane(TimeAxis(2, 1), "a", "", [signal([-4.5, 4.5])]).note == "\N{MINUS SIGN}5 to 5"


def test_a_reduced_signal_keeps_the_lowest_and_highest_of_each_bin() -> None:
    values = [0.0] * 1000
    values[333], values[777] = 5.0, -5.0
    kept = reduced(signal(values), 10)
    assert len(kept.values) <= 30
    assert dict(zip(kept.times_s.tolist(), kept.values.tolist(), strict=True)).items() >= {(333, 5.0), (777, -5.0)}
    assert (np.diff(kept.times_s) > 0).all()
    short = signal([1, 2, 3])
    assert reduced(short, 2) is short


def test_a_gap_stays_in_a_reduced_signal() -> None:
    values = [1.0] * 40 + [np.nan] * 60 + [1.0] * 100
    assert np.isnan(reduced(signal(values), 10).values).any()


@pytest.mark.parametrize(
    ("seconds", "step_s", "text"),
    [
        (0, 1, "0:00"),
        (90, 10, "1:30"),
        (3720, 60, "1:02:00"),
        (1.5, 0.5, "0:01.5"),
        (59.9, 1, "0:59"),
        (60, 0.5, "1:00.0"),
    ],
)
def test_times_are_written_as_a_clock_shows_them(seconds: float, step_s: float, text: str) -> None:
    assert clock(seconds, step_s) == text


def test_ticks_are_round_and_at_most_ten_a_width() -> None:
    assert [text for _, text in TimeAxis(10, 0.04).ticks(1)] == [f"0:{second:02}" for second in range(10)]
    assert [text for _, text in TimeAxis(60, 0.04).ticks(1)] == ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]
    # The fourfold width has four times as many.
    assert len(TimeAxis(60, 0.04).ticks(4)) == 30
    assert TimeAxis(60, 0.04).ticks(1)[3][0] == 0.5


def test_stretches_that_touch_when_drawn_are_one() -> None:
    axis = TimeAxis(1200, 0.04)
    # A bin is a second.
    assert list(axis.visible([(0, 0.1), (0.5, 0.6), (5, 9)])) == [(0, 1.5), (5, 9)]
    assert list(axis.visible([])) == []


def test_a_band_and_a_mark_are_where_they_are() -> None:
    drawn = lane(TimeAxis(10, 1), "a", "", [], bands=[(2, 4)], band="gap", marks=[Mark(5, 6, "<b>peak</b>")])
    assert path_of(drawn.svg, "gap") == "M2000 0H4000V1000H2000Z"
    assert '<rect class="mark" x="5000" y="0" width="1000"' in drawn.svg
    assert "<b>" not in drawn.svg and "&lt;b&gt;peak" in drawn.svg


def test_a_histogram_is_as_high_as_its_highest_bar() -> None:
    svg = histogram("Confidence", [0, 0.5, 1], [1, 4], 0.75)
    assert 'x="0" y="750" width="5000" height="250"' in svg
    assert 'x="5000" y="0" width="5000" height="1000"' in svg
    assert path_of(svg, "limit") == "M7500 0V1000"
    assert 'height="0"' in histogram("none", [0, 1], [0], 0.5)
