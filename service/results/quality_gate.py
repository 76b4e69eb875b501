"""The quality gate: the rows of a table that statistics use. Light to import, for web processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.results.summary_model import Gate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CONFIDENCE = 0.75
"""OpenFace's `success` means a confidence above 0.725, and its 20 levels are 0.05 apart; pictures have no `success`. In
videos this only excludes rows of engines that call a face tracked at a low confidence."""

WHY = (
    "rows with success 0 hold old values that mean nothing, and OpenFace itself counts a confidence of 0.725 or "
    "less as a failure"
)


def gate(confidence: float = CONFIDENCE) -> Gate:
    """The quality gate: `success` 1 (videos) and at least this confidence (0 to 1).

    Raises:
        ValueError: not from 0 to 1.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence is from 0 to 1, not {confidence}")
    return Gate(success=1, confidence=confidence, why=WHY)


def passes(table: pd.DataFrame, asked: Gate) -> NDArray[np.bool_]:
    """Whether each row passes the gate, shape (rows,); rows of pictures have no `success`, only a confidence."""
    good = table["confidence"] >= asked.confidence
    if "success" in table:
        good &= table["success"] == asked.success
    return good.to_numpy(dtype=bool)
