"""When jobs come: a day of them in one of three patterns.

Separate because the same times go into the model and, small, into a real queue.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400.0
BURSTS, BURST_S = 8, 60.0

Pattern = Literal["steady", "wave", "bursts"]
PATTERNS: tuple[Pattern, ...] = ("steady", "wave", "bursts")
HOW_TO_READ = f"""\
steady   any moment of the day is as likely as any other
wave     the same with a rate that swings as a cosine: none at midnight, twice the mean at noon
bursts   all jobs in {BURSTS} bursts of {BURST_S:g} s, evenly over the day
"""


def day_of(pattern: Pattern, jobs: int, seed: int) -> NDArray[np.float64]:
    """Times in seconds since midnight, sorted, (jobs,)."""
    drawn = np.random.default_rng(seed).uniform(size=jobs)
    if pattern == "bursts":
        which = np.floor(drawn * BURSTS)
        return np.sort((which + 0.5) * DAY_S / BURSTS + (drawn * BURSTS - which) * BURST_S)
    if pattern == "wave":
        # The share of the day's jobs before t is the integral of 1 - cos(2 pi t): inverted on a fine grid.
        grid = np.linspace(0, 1, 10_001)
        drawn = np.interp(drawn, grid - np.sin(2 * np.pi * grid) / (2 * np.pi), grid)
    return np.sort(drawn * DAY_S)
