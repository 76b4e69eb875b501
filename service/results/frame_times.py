"""How long each row of a video's table stands for, by the times of its frames and not by a frame rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from service.results.manifest_reader import ManifestReader

if TYPE_CHECKING:
    # Web processes compute durations of a series, without tables.
    import pandas as pd

LASTS = "lasts_s"
"""Column of `with_durations`: seconds from the row's frame to the next one."""
GAP_STEPS = 3.0
"""A longer distance than this many usual ones is a gap of the recording, in which nothing was seen."""
USUAL_S = 1 / 25

Numbers = NDArray[np.float64]


def with_durations(table: pd.DataFrame, facts: ManifestReader) -> pd.DataFrame:
    """Add the column `LASTS`; see `durations`."""
    frames, times = (table[name].to_numpy(dtype=np.float64) for name in ("frame", "timestamp"))
    return table.assign(**{LASTS: durations(frames, times, facts)})


def durations(frame_of_row: Numbers, time_of_row: Numbers, facts: ManifestReader) -> Numbers:
    """Return how long the frame of each row lasts, in seconds, shape (rows,).

    A frame lasts until the next one; where that is missing in the table, or comes after a gap, a usual step. Frames
    without times last 0 s.
    """
    frames, first, of_row = np.unique(frame_of_row, return_index=True, return_inverse=True)
    times = time_of_row[first]
    usual_s = usual_step(times, frames, facts) if facts.has_times else 0.0
    lasts = np.full(len(frames), usual_s)
    steps = np.diff(times)
    follows = (np.diff(frames) == facts.every) & (steps > 0) & (steps <= GAP_STEPS * usual_s)
    lasts[:-1][follows] = steps[follows]
    return lasts[of_row] if len(frames) else np.empty(0)


def usual_step(times: Numbers, frames: Numbers, facts: ManifestReader) -> float:
    """Return the usual time from one frame to the next in seconds: 0 where all frames have one time.

    Args:
        times, frames: of the table's frames, each once, in order.
    """
    steps = np.diff(times)[np.diff(frames) == facts.every]
    steps = steps[np.isfinite(steps) & (steps > 0)]
    rate = facts.measured_rate
    if not len(steps):
        return 1 / rate if rate else USUAL_S
    # Times are written to the millisecond: the rate is more exact, where the two agree.
    measured = float(np.median(steps))
    return 1 / rate if rate and abs(1 / rate - measured) <= 0.001 else measured
