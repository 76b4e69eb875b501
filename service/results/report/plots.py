"""Plots as SVG, the same bytes for the same numbers; their colours are CSS variables of the page.

Drawn from what is on the screen's scale: long signals as the lowest and highest value of each bin, so that no short
event is lost. The numbers of the report are never taken from here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

BINS = 360
"""Bins of a long signal: about as many as a plot has pixels; all lines of one plot share them."""
HEIGHT_IN, WIDTH_IN = 1.4, 4.2
PLACE = (0.115, 0.3, 0.865, 0.65)
"""Of the axes in a plot: left, bottom, width, height, as shares."""
COLOURS = {
    "--ink": "#010101",
    "--rule": "#020202",
    "--line-1": "#030303",
    "--line-2": "#040404",
    "--line-3": "#050505",
    "--line-4": "#060606",
    "--band": "#070707",
    "--event": "#080808",
    "--gap": "#090909",
}
"""Stand-ins that matplotlib writes, and the page's variables that take their places."""
LINES = tuple(COLOURS[f"--line-{number}"] for number in range(1, 5))
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "report",
    # Text stays text: it can be searched, read aloud and scaled, and takes less room than outlines.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.labelpad": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": COLOURS["--rule"],
    "axes.labelcolor": COLOURS["--ink"],
    "text.color": COLOURS["--ink"],
    "xtick.color": COLOURS["--rule"],
    "ytick.color": COLOURS["--rule"],
    "xtick.labelcolor": COLOURS["--ink"],
    "ytick.labelcolor": COLOURS["--ink"],
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}

Numbers = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True)
class Signal:
    """One line of a plot: values at rising times in seconds, shapes (n,); nan where nothing counts."""

    times_s: Numbers
    values: Numbers


def over_time(
    name: str,
    title: str,
    signals: Sequence[Signal],
    duration_s: float,
    frame_s: float,
    *,
    bounds: Span | None = None,
    bands: Sequence[Span] = (),
    events: Sequence[Span] = (),
    band: str = "--band",
) -> str:
    """Lines over time.

    Args:
        name: begins the ids in this SVG; a page needs another for each.
        title: for those who do not see it.
        signals: at most four.
        bounds: of the vertical axis; None: what the values ask for.
        bands: stretches behind the lines, as of presence.
        events: stretches marked at the top.
        band: colour of the bands, by variable.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        _stretches(axes, bands, duration_s, (0.0, 1.0), COLOURS[band])
        for signal, colour in zip(signals, LINES, strict=False):
            drawn = reduced(_with_gaps(signal, frame_s), BINS // len(signals))
            axes.plot(drawn.times_s, drawn.values, color=colour, solid_joinstyle="round")
        if bounds:
            axes.set_ylim(*bounds)
        elif not signals:
            axes.set_yticks([])
        _stretches(axes, events, duration_s, (0.95, 0.05), COLOURS["--event"])
        axes.set_xlim(0, duration_s)
        axes.set_xlabel("seconds")
        axes.locator_params(axis="y", nbins=4)
        axes.locator_params(axis="x", nbins=6)
        return _svg(figure, name, title)


def histogram(name: str, title: str, edges: Sequence[float], counts: Sequence[int], limit: float) -> str:
    """Counts by bin, with a line at the gate's limit."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=COLOURS["--line-1"], linewidth=0)
        axes.axvline(limit, color=COLOURS["--event"], linestyle="--")
        axes.set_xlim(0, 1)
        axes.set_xlabel("confidence")
        axes.locator_params(axis="y", nbins=4, integer=True)
        return _svg(figure, name, title)


def reduced(signal: Signal, bins: int) -> Signal:
    """The lowest and highest value of each bin, in the order in which they come; short signals stay as they are."""
    count = len(signal.values)
    if count <= 2 * bins:
        return signal
    kept: list[int] = []
    for part in np.array_split(np.arange(count), bins):
        values = signal.values[part]
        if np.isnan(values).all():
            kept.append(int(part[0]))
            continue
        kept += sorted({int(part[np.nanargmin(values)]), int(part[np.nanargmax(values)])})
        if np.isnan(values[-1]):
            kept.append(int(part[-1]))
    return Signal(signal.times_s[kept], signal.values[kept])


def _stretches(axes: Axes, spans: Sequence[Span], duration_s: float, place: Span, colour: str) -> None:
    """Filled stretches of time; `place` is their foot and height, as shares of the plot's."""
    shown = [(start, end - start) for start, end in _visible(spans, duration_s)]
    if shown:
        axes.broken_barh(shown, place, transform=axes.get_xaxis_transform(), color=colour, linewidth=0, zorder=0.5)


def _with_gaps(signal: Signal, frame_s: float) -> Signal:
    """A nan wherever a frame is missing, so that no line is drawn over it."""
    gaps = np.flatnonzero(np.diff(signal.times_s) > 1.5 * frame_s) + 1
    times = np.insert(signal.times_s, gaps, signal.times_s[gaps - 1] + frame_s)
    return Signal(times, np.insert(signal.values, gaps, np.nan))


def _visible(spans: Sequence[Span], duration_s: float) -> list[Span]:
    """Stretches at least a bin long, and those that then touch as one: thousands would fill the page."""
    least = duration_s / BINS
    shown: list[Span] = []
    for start, end in spans:
        longer = max(end, start + least)
        if shown and start <= shown[-1][1]:
            shown[-1] = (shown[-1][0], max(longer, shown[-1][1]))
        else:
            shown.append((start, longer))
    return shown


def _figure() -> tuple[Figure, Axes]:
    # Not through pyplot, which keeps every figure and looks for a display.
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
    # At one place in every plot, so that times stand below each other.
    return figure, figure.add_axes(PLACE)


def _svg(figure: Figure, name: str, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return tidied(buffer.getvalue(), name, title)


def tidied(svg: str, name: str, title: str) -> str:
    """An SVG as a part of a page: ids of its own, our colours, two decimals, and a title to be read aloud.

    Args:
        title: constant text, nothing of an upload.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # Its style would be the whole page's, which has one of its own.
    body = re.sub(r"<!--.*?-->|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'(?<= id=")(?=[^"])', f"{name}-", body)
    body = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _short, tag[0]), body)
    body = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 sans-serif", body)
    for variable, stand_in in COLOURS.items():
        body = body.replace(stand_in, f"var({variable})")
    viewbox = re.search(r'viewBox="[^"]*"', body)
    assert viewbox
    head = (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {viewbox[0]} '
        f'role="img" aria-labelledby="{name}-title"><title id="{name}-title">{title}</title>'
    )
    return re.sub(r"\s*\n\s*", "\n", head + body[body.index(">") + 1 :]).strip()


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
