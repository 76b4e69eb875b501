"""Charts of a report as SVG without scripts: lanes over one time axis, and histograms.

Shapes are stretched to the page's width (`preserveAspectRatio="none"`), lines keep their width; texts are HTML beside
them, so that they are never distorted. Long signals are drawn by the lowest and highest value of each bin, so that no
short event is lost. The numbers of a report are never taken from here. Equal inputs make equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

BINS = 1200
"""Bins of a long signal; the lines of one lane share them."""
WIDTH, HEIGHT = 10_000, 1000
"""Of a lane's coordinates."""
MOST_LINES = 4
"""Lines of a lane, as many as there are colours."""
ZOOMS = (1, 4, 16)
"""Widths of the time axis that a reader can choose, in widths of the page."""
MOST_TICKS = 10
"""Labels of the time axis in a width of the page."""
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Distances between labels of the time axis."""

Numbers = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True)
class Signal:
    """A line: values at rising times in seconds, shapes (n,); nan where there is a gap."""

    times_s: Numbers
    values: Numbers


@dataclass(frozen=True)
class Mark:
    """An event, with a text that appears under the pointer."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class TimeAxis:
    """The time axis that all lanes share.

    Attributes:
        frame_s: time from one frame to the next; a longer step between two values is a gap.
    """

    duration_s: float
    frame_s: float

    def x(self, seconds: Numbers) -> NDArray[np.int64]:
        """Convert times to coordinates."""
        return np.rint(np.clip(seconds / self.duration_s, 0, 1) * WIDTH).astype(np.int64)

    def ticks(self, zoom: int) -> list[tuple[float, str]]:
        """List the labels at a zoom: position as a share of the axis, and text."""
        step = next((step for step in STEPS_S if self.duration_s / step <= MOST_TICKS * zoom), STEPS_S[-1])
        # A label at the very end would not fit.
        times = np.arange(0, 0.985 * self.duration_s, step)
        return [(at / self.duration_s, clock(at, step)) for at in times]

    def visible(self, spans: Iterable[Span]) -> Iterator[Span]:
        """Lengthen stretches to a bin and merge those that then touch: thousands would fill the page."""
        least = self.duration_s / BINS
        current: Span | None = None
        for start, end in spans:
            longer = max(end, start + least)
            if current and start <= current[1]:
                current = (current[0], max(longer, current[1]))
                continue
            if current:
                yield current
            current = (start, longer)
        if current:
            yield current


@dataclass(frozen=True)
class Lane:
    """One chart over the time axis."""

    heading: str
    note: str
    svg: Markup


def lane(
    axis: TimeAxis,
    heading: str,
    note: str,
    signals: Sequence[Signal],
    *,
    bounds: Span | None = None,
    shows_scale: bool = True,
    bands: Sequence[Span] = (),
    band: str = "band",
    marks: Sequence[Mark] = (),
) -> Lane:
    """Draw lines over time.

    Args:
        signals: at most `MOST_LINES`.
        bounds: of the scale; None: those of the values. `shows_scale` puts them into the note.
        bands: stretches behind the lines; `band` is their class.
        marks: events at the top.
    """
    bounds = bounds or _bounds(signals)
    shapes = [_grid(axis), _band(axis, bands, band)]
    for number, signal in enumerate(signals[:MOST_LINES], 1):
        drawn = reduced(_with_gaps(signal, axis.frame_s), BINS // len(signals))
        shapes.append(f'<path class="line line-{number}" d="{_line(axis, drawn, bounds)}"/>')
    shapes += [_mark(axis, mark) for mark in marks]
    scale = f"{_scale(bounds[0])} to {_scale(bounds[1])}"
    about = "; ".join(part for part in (note, scale if shows_scale else "") if part)
    return Lane(heading, about, _svg(f"{heading} over time, {scale}", "".join(shapes)))


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], limit: float) -> Markup:
    """Draw counts by bin from 0 to 1, with a line at a limit."""
    most = max(1, *counts)
    bars = []
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        height = round(HEIGHT * count / most)
        x, width = round(WIDTH * left), round(WIDTH * (right - left))
        bars.append(
            f'<rect x="{x}" y="{HEIGHT - height}" width="{width}" height="{height}"><title>{count}</title></rect>'
        )
    at = round(WIDTH * limit)
    return _svg(title, f'<g class="bars">{"".join(bars)}</g><path class="limit" d="M{at} 0V{HEIGHT}"/>')


def reduced(signal: Signal, bins: int) -> Signal:
    """Keep the lowest and highest value of each bin, in their order; short signals stay as they are."""
    count = len(signal.values)
    if count <= 2 * bins:
        return signal
    size = -(-count // bins)
    padded = np.concatenate([signal.values, np.full(-count % size, np.nan)]).reshape(-1, size)
    missing = np.isnan(padded)
    starts = np.arange(len(padded)) * size
    low = starts + np.where(missing, np.inf, padded).argmin(axis=1)
    high = starts + np.where(missing, -np.inf, padded).argmax(axis=1)
    # The last value of a bin that ends in a gap, so that the line is broken there.
    gaps = (starts + size - 1)[missing[:, -1]]
    kept = np.unique(np.concatenate([low, high, gaps]))
    kept = kept[kept < count]
    return Signal(signal.times_s[kept], signal.values[kept])


def clock(seconds: float, step_s: float = 1.0) -> str:
    """Format a time of the axis: `12 s` below a minute of step, else `1:30` or `1:02:00`."""
    minutes, rest = divmod(seconds, 60)
    if step_s < 1:
        return f"{int(minutes)}:{rest:04.1f}"
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{int(rest):02}" if hours else f"{minutes}:{int(rest):02}"


def _svg(title: str, shapes: str) -> Markup:
    # Its own title names it for screen readers, and appears under the pointer where no mark is.
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{escape(title)}">'
        f"{shapes}</svg>"
    )


def _grid(axis: TimeAxis) -> str:
    lines = "".join(f"M{round(at * WIDTH)} 0V{HEIGHT}" for at, _ in axis.ticks(1)[1:])
    return f'<path class="grid" d="{lines}"/>' if lines else ""


def _band(axis: TimeAxis, spans: Sequence[Span], kind: str) -> str:
    if not spans:
        return ""
    ends = axis.x(np.array(list(axis.visible(spans))))
    shapes = "".join(f"M{start} 0H{end}V{HEIGHT}H{start}Z" for start, end in ends.tolist())
    return f'<path class="{kind}" d="{shapes}"/>'


def _mark(axis: TimeAxis, mark: Mark) -> str:
    start, end = axis.x(np.array([mark.start_s, mark.end_s])).tolist()
    width = max(end - start, WIDTH // BINS)
    return f'<rect class="mark" x="{start}" y="0" width="{width}" height="90"><title>{escape(mark.text)}</title></rect>'


def _line(axis: TimeAxis, signal: Signal, bounds: Span) -> str:
    """Write a path with a move after each gap; points inside a flat stretch are left out."""
    low, high = bounds
    xs = axis.x(signal.times_s)
    known = np.isfinite(signal.values)
    heights = np.where(known, (high - np.nan_to_num(signal.values)) / (high - low), 0.0)
    ys = np.rint(np.clip(heights, 0, 1) * HEIGHT).astype(np.int64)
    before = np.concatenate(([False], known[:-1]))
    after = np.concatenate((known[1:], [False]))
    flat = known & before & after & (np.roll(ys, 1) == ys) & (np.roll(ys, -1) == ys)
    parts = []
    for x, y, begins, ends in zip(
        xs[known & ~flat].tolist(),
        ys[known & ~flat].tolist(),
        ~before[known & ~flat],
        ~after[known & ~flat],
        strict=True,
    ):
        # A single value between two gaps would have no length.
        parts.append(f"{'M' if begins else ' '}{x} {y}{'h1' if begins and ends else ''}")
    return "".join(parts)


def _with_gaps(signal: Signal, frame_s: float) -> Signal:
    """Insert a nan wherever a frame is missing, so that no line is drawn over it."""
    gaps = np.flatnonzero(np.diff(signal.times_s) > 1.5 * frame_s) + 1
    times = np.insert(signal.times_s, gaps, signal.times_s[gaps - 1] + frame_s)
    return Signal(times, np.insert(signal.values, gaps, np.nan))


def _bounds(signals: Sequence[Signal]) -> Span:
    """The values' range with a little room, never of no height."""
    finite = np.concatenate([signal.values[np.isfinite(signal.values)] for signal in signals] or [np.zeros(0)])
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = max(0.05 * (high - low), 0.5)
    return low - room, high + room


def _scale(value: float) -> str:
    digits = 0 if abs(value) >= 10 or value == round(value) else 1
    return f"{value + 0.0:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
