"""Give every decoded frame of a video its presentation time, and measure how even the times are.

Clocks of real files restart (takes joined by appending one file to another), jump (transport streams), and repeat
themselves. Frames are taken in file order, and the clock runs on over every such step.
"""

from __future__ import annotations

import itertools
import math
import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

FAR_S = 3600.0
"""A longer step forward is a jump of the clock; a shorter one is a gap of the recording, and keeps its length."""
RESTART_STEPS = 3.0
"""A step back by this many frame distances or more is a restart of the clock; a shorter one is a rounded time."""
GAP_STEPS = 3.0
"""A longer distance than this many usual ones is a gap."""
LEAST_STEP_S = 0.001
"""Distance between two frames of which the file says that they are shown at once, or in reverse."""
SHORTEST_STEP_S = 1e-5
"""A shorter distance is rounding of stamps, and tells nothing of the frame rate."""
USUAL_RATES = tuple(
    Fraction(*rate)
    for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)
OFF_GRID = 0.51
"""Share of a frame distance by which a frame of a constant rate may be off; millisecond clocks stay within it."""


@dataclass(frozen=True)
class Clock:
    """Times of a video's frames.

    Attributes:
        times: seconds since the first frame, growing.
        start_s: time of the first frame by the file's own clock.
        step_s: usual distance between two frames, gaps left out.
        jitter_s: root mean square by which distances differ from it, gaps left out.
        gaps: number of distances of more than `GAP_STEPS` usual ones, and the longest.
        restarts: number of steps back over which the clock was continued.
        jumps: number of steps of more than `FAR_S` over which it was.
    """

    times: array[float]
    start_s: float
    step_s: float
    jitter_s: float
    gaps: int
    longest_gap_s: float
    restarts: int
    jumps: int

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the end of the last one."""
        return self.times[-1] + self.step_s if self.times else 0.0


def read_clock(stamps: Sequence[float | None], usual_step_s: float) -> Clock:
    """Put the stamps of decoded frames, in the order of decoding, onto one clock that grows.

    Args:
        stamps: seconds; None where the file has none.
        usual_step_s: distance to assume where the stamps tell none.
    """
    step_s = _step(stamps) or usual_step_s
    running = RunningClock(step_s)
    for stamp in stamps:
        running.tick(stamp)
    times = running.times
    distances = [later - earlier for earlier, later in itertools.pairwise(times)]
    gaps = [distance for distance in distances if distance > GAP_STEPS * step_s]
    even = [distance for distance in distances if distance <= GAP_STEPS * step_s]
    jitter_s = math.sqrt(statistics.fmean((distance - step_s) ** 2 for distance in even)) if even else 0.0
    start_s = next((stamp for stamp in stamps if stamp is not None), 0.0)
    return Clock(times, start_s, step_s, jitter_s, len(gaps), max(gaps, default=0.0), running.restarts, running.jumps)


def constant_rate(times: Sequence[float], guessed: Fraction) -> Fraction | None:
    """Return the frame rate if the times are those of a constant one: no frame is half a distance off its place."""
    span = times[-1] - times[0] if times else 0.0
    if len(times) < 3 or not span:
        return guessed or None
    if _on_grid(times, float(guessed)):
        return guessed
    measured = (len(times) - 1) / span
    if _on_grid(times, measured) and abs(float(guessed) - measured) <= measured / 100:
        return Fraction(measured).limit_denominator(100_000)
    return None


def usual_rate(step_s: float) -> Fraction:
    """Return the camera rate within half a percent of one frame a step, or else that rate itself, at least 0.001."""
    rate = 1 / step_s if step_s > 0 else 0.0
    nearest = min(USUAL_RATES, key=lambda known: abs(float(known) - rate))
    return nearest if abs(float(nearest) - rate) <= rate / 200 else Fraction(max(round(rate * 1000), 1), 1000)


def _step(stamps: Sequence[float | None]) -> float | None:
    """The mean of the distances near their median: exact where the file's clock ticks in milliseconds."""
    known = [stamp for stamp in stamps if stamp is not None]
    distances = [later - earlier for earlier, later in itertools.pairwise(known)]
    positive = [distance for distance in distances if SHORTEST_STEP_S <= distance <= FAR_S]
    if not positive:
        return None
    median = statistics.median_low(positive)
    return statistics.fmean(distance for distance in positive if median / 2 <= distance <= median * 1.5)


class RunningClock:
    """Continues the clock frame by frame.

    Args:
        step_s: usual distance between two frames.

    Attributes:
        times: seconds since the first frame, of all frames so far.
        restarts, jumps: see `Clock`.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._offset_s: float | None = None
        self.times: array[float] = array("d")
        self.restarts = 0
        self.jumps = 0

    def tick(self, stamp: float | None) -> float:
        """Return the time of the next frame, which has this stamp."""
        time_s = self._next(stamp)
        if self._offset_s is None and stamp is not None:
            self._offset_s = time_s - stamp
        self.times.append(time_s)
        return time_s

    def _next(self, stamp: float | None) -> float:
        if not self.times:
            return 0.0
        last_s = self.times[-1]
        if stamp is None or self._offset_s is None:
            return last_s + self._step_s
        time_s = stamp + self._offset_s
        ahead_s = time_s - last_s
        if -RESTART_STEPS * self._step_s < ahead_s <= FAR_S:
            return max(time_s, last_s + min(LEAST_STEP_S, self._step_s))
        self.jumps += ahead_s > 0
        self.restarts += ahead_s <= 0
        self._offset_s = last_s + self._step_s - stamp
        return last_s + self._step_s


def _on_grid(times: Sequence[float], rate: float) -> bool:
    return all(abs((time_s - times[0]) * rate - i) <= OFF_GRID for i, time_s in enumerate(times))
