"""Stretches of a series: edges reached, peaks kept, missing values null."""

from __future__ import annotations

import numpy as np

from service.results.series.layout import MISSING, VALUES
from service.results.series.window import columns, pixels, stretch


def rows(**given: list[float]) -> np.ndarray:
    """Rows at ten frames a second; columns that are not given are nan."""
    count = len(next(iter(given.values())))
    values = np.full((count, len(VALUES)), np.nan, np.float32)
    given = {"frame": [i + 1.0 for i in range(count)], "timestamp": [i / 10 for i in range(count)]} | given
    for name, column in given.items():
        values[:, VALUES.index(name)] = column
    return values


def test_a_stretch_has_one_more_row_on_either_side() -> None:
    values = rows(AU12_r=[0.0] * 10)
    inner = stretch(values, 0.25, 0.45)
    # Frames at 0.3 and 0.4 s, with those at 0.2 and 0.5 s.
    assert (inner.first, inner.end, inner.values[:, VALUES.index("frame")].tolist()) == (2, 6, [3, 4, 5, 6])
    assert (stretch(values, -5, 99).first, stretch(values, -5, 99).end) == (0, 10)
    assert len(stretch(values[:0], 0, 1).values) == 0


def test_few_rows_are_exact_and_spelled_as_in_the_table() -> None:
    found = columns(rows(AU12_r=[0.1, np.nan, 3.21]), points=3)
    assert found["exact"]
    assert (found["time"], found["frame"]) == ([0, 0.1, 0.2], [1, 2, 3])
    # What was never measured is no column; what is missing in one row is null there.
    assert found["low"] == found["high"] == {"AU12_r": [0.1, None, 3.21]}


def test_many_rows_keep_the_lowest_and_highest_of_each_part() -> None:
    found = columns(rows(AU12_r=[0, 0, 5, 1, 1, np.nan, np.nan, np.nan], AU45_r=[np.nan] * 8), points=2)
    assert not found["exact"]
    # Parts of four rows.
    assert (found["low"], found["high"]) == ({"AU12_r": [0, 1]}, {"AU12_r": [5, 1]})
    assert (found["time"], found["frame"]) == ([0, 0.4], [1, 5])


def test_a_part_without_a_value_is_null_and_not_zero() -> None:
    found = columns(rows(AU12_r=[1.0, 2.0, np.nan, np.nan]), points=2)
    assert (found["low"], found["high"]) == ({"AU12_r": [1, None]}, {"AU12_r": [2, None]})


def test_geometry_is_in_quarters_of_a_pixel() -> None:
    assert pixels(np.array([[41, -3, MISSING]], np.int16)) == [[10.25, -0.75, None]]
