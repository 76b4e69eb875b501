"""How many pictures a worker holds, by its latest pace, so that a short queue is shared among workers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

COUNTED, ENOUGH = 64, 8
"""Latest ends that make the pace, and how many one stretch of work must have had before it counts."""


class Pace:
    """Counts ends of pictures while any job is in hand.

    Args:
        hold_s: seconds of its own work that the worker holds.
        first: jobs to hold before the pace is known.
        least, most: bounds at any pace.
    """

    def __init__(
        self, hold_s: float, *, first: int, least: int, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hold_s = hold_s
        self._first, self._least, self._most = first, least, most
        self._clock = clock
        self._lock = threading.Lock()
        self._moments: deque[float] = deque(maxlen=COUNTED + 1)
        self._per_s: float | None = None

    def begin(self) -> None:
        """Begin a stretch of work after a rest, which does not count."""
        with self._lock:
            self._moments.clear()
            self._moments.append(self._clock())

    def note_end(self) -> None:
        """Count a picture's end."""
        with self._lock:
            self._moments.append(self._clock())
            ends, seconds = len(self._moments) - 1, self._moments[-1] - self._moments[0]
            if ends >= ENOUGH and seconds > 0:
                self._per_s = ends / seconds

    @property
    def allowance(self) -> int:
        """Jobs to hold at once."""
        with self._lock:
            wanted = self._first if self._per_s is None else round(self._per_s * self._hold_s)
        return max(self._least, min(wanted, self._most))
