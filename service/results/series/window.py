"""Stretches of a series: exact rows where they are few, else minimum and maximum of equal parts, so that peaks stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from service.results.series.layout import MISSING, PER_PIXEL, VALUES, Geometry, Values

FRAME, TIME = VALUES.index("frame"), VALUES.index("timestamp")
DECIMALS = 4


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `end` of one face's values, ordered by time."""

    values: Values
    first: int
    end: int


def stretch(values: Values, from_s: float, to_s: float) -> Stretch:
    """Find the rows from `from_s` to `to_s`, with one more on either side, so that lines reach the edges."""
    times = values[:, TIME]
    first = max(0, int(np.searchsorted(times, from_s, "left")) - 1)
    end = min(len(times), int(np.searchsorted(times, to_s, "right")) + 1)
    return Stretch(values[first:end], first, end)


def columns(rows: Values, points: int) -> dict[str, Any]:
    """Return time, frame and each measured column; `low` and `high` are equal where the rows are exact.

    Columns without any value are left out.
    """
    is_exact = len(rows) <= points
    edges = np.linspace(0, len(rows), points + 1).astype(int)[:-1]
    low, high = (rows, rows) if is_exact else (_by_part(np.fmin, rows, edges), _by_part(np.fmax, rows, edges))
    measured = [i for i in range(len(VALUES)) if i not in {FRAME, TIME} and np.isfinite(high[:, i]).any()]
    found: dict[str, Any] = {
        "exact": is_exact,
        "time": _plain(low[:, TIME]),
        "frame": _plain(low[:, FRAME]),
        "low": {VALUES[i]: _plain(low[:, i]) for i in measured},
    }
    found["high"] = found["low"] if is_exact else {VALUES[i]: _plain(high[:, i]) for i in measured}
    return found


def pixels(geometry: Geometry) -> list[list[float | None]]:
    """Return each row's geometry in pixels; None where a point is missing."""
    return [[None if step == MISSING else step / PER_PIXEL for step in row] for row in geometry.tolist()]


def _by_part(reduce: np.ufunc, rows: Values, edges: Any) -> Values:
    return np.asarray(reduce.reduceat(rows, edges, axis=0), dtype=np.float32)


def _plain(values: Any) -> list[float | None]:
    # The shortest decimal of a float32 is the table's own text.
    return [None if number != number else round(number, DECIMALS) for number in values.astype(np.float64).tolist()]
