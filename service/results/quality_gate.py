"""The quality gate: the rows of a table that statistics use. Light to import, for web processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.results.summary_model import Excluded, Gate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CONFIDENCE = 0.75
"""OpenFace's `success` means a confidence above 0.725, and its 20 levels are 0.05 apart; pictures have no `success`. In
videos this only excludes rows of engines that call a face tracked at a low confidence."""

ROUNDED_S = 0.0005
"""Tolerance for rounded times, written to the millisecond."""

WHY = (
    "rows with success 0 hold old values that mean nothing, and OpenFace itself counts a confidence of 0.725 or "
    "less as a failure"
)


def gate(confidence: float = CONFIDENCE, excluded: Sequence[tuple[float, float]] = ()) -> Gate:
    """Make the quality gate: `success` 1 (videos), at least this confidence (0 to 1), outside excluded stretches.

    Raises:
        ValueError: not from 0 to 1.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence is from 0 to 1, not {confidence}")
    return Gate(
        success=1,
        confidence=confidence,
        excluded=[Excluded(start_s=start, end_s=end) for start, end in excluded],
        why=WHY,
    )


def passes(table: pd.DataFrame, asked: Gate) -> NDArray[np.bool_]:
    """Whether each row passes the gate, shape (rows,); rows of pictures have no `success`, only a confidence."""
    good = table["confidence"] >= asked.confidence
    if "success" in table:
        good &= table["success"] == asked.success
    passed: NDArray[np.bool_] = good.to_numpy(dtype=bool) & ~in_stretches(table, asked.excluded)
    return passed


def in_stretches(table: pd.DataFrame, stretches: Sequence[Excluded]) -> NDArray[np.bool_]:
    """Whether each row's time lies in one of some stretches, shape (rows,); a picture's rows have no time."""
    # Imported here, as web processes make gates and apply none.
    import numpy as np

    if "timestamp" not in table:
        return np.zeros(len(table), dtype=bool)
    return in_spans(table["timestamp"].to_numpy(), [(each.start_s, each.end_s) for each in stretches])


def in_spans(times_s: NDArray[np.float64], spans: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Whether each time lies in one of some spans, start included and end not, shape (n,)."""
    import numpy as np

    inside = np.zeros(len(times_s), dtype=bool)
    for start, end in spans:
        inside |= (times_s >= start - ROUNDED_S) & (times_s < end - ROUNDED_S)
    return inside
