"""Plots of two engines' numbers for the same faces, as SVG without scripts.

Numbers are never taken from here: a plot of very many faces draws every n-th of them. Equal inputs make equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from service.engine.columns import ACTION_UNIT_NAMES, PRESENCES
from service.results.agreement.figures import OF_EYES, REGIONS, FacesOfBoth
from service.results.agreement.side_by_side import MEASURED, Numbers

SIDE = 1000
"""Width and height of a plot's coordinates."""
MOST_POINTS = 3000
INTENSITIES = (0.0, 5.0)
DRAWN_REGIONS = ("all 68", "jaw", "eyes", "mouth")
"""Parts of the landmarks with a line each, one a colour of the report."""
_LONGEST_SHARE = 99
"""Errors up to this percentile are in the picture."""
_SHARES = np.linspace(0, 1, 201)

ANGLES = {
    "pitch, degrees": "pose_Rx",
    "yaw, degrees": "pose_Ry",
    "roll, degrees": "pose_Rz",
    "gaze across, degrees": "gaze_angle_x",
    "gaze down, degrees": "gaze_angle_y",
}


@dataclass(frozen=True)
class Plot:
    """One drawing.

    Attributes:
        low, high: the axis of a scatter plot, both ways alike; of errors, the axis from left to right.
    """

    heading: str
    low: str
    high: str
    note: str
    svg: Markup


def landmark_errors(faces: FacesOfBoth) -> Plot | None:
    """Draw which share of the faces has at most which landmark error; None where nothing was compared."""
    eyes = faces.eyes_apart / 100
    lines = [_known(faces.distances("", "xy", REGIONS[region]) / eyes) for region in DRAWN_REGIONS]
    if not all(len(line) for line in lines):
        return None
    top = max(float(np.percentile(line, _LONGEST_SHARE)) for line in lines) or 1.0
    shapes = [f'<path class="grid" d="M0 {SIDE // 2}H{SIDE}"/>']
    for number, line in enumerate(lines, 1):
        xs = _places(np.quantile(line, _SHARES), 0.0, top)
        ys = SIDE - np.rint(_SHARES * SIDE).astype(np.int64)
        points = " ".join(f"{x} {y}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
        shapes.append(f'<path class="line line-{number}" d="M{points}"/>')
    title = f"Share of faces by landmark error, 0 to {top:.1f} {OF_EYES}"
    return Plot(f"Landmark error, {OF_EYES}", "0", f"{top:.1f}", "", _svg(title, shapes))


def angles(faces: FacesOfBoth) -> list[Plot]:
    """Draw head pose and gaze of both, in degrees."""
    found = (
        _scatter(heading, np.degrees(reference[:, 0]), np.degrees(engine[:, 0]))
        for heading, (reference, engine) in ((text, faces.columns([column])) for text, column in ANGLES.items())
    )
    return [plot for plot in found if plot]


def intensities(faces: FacesOfBoth) -> list[Plot]:
    """Draw the intensities of every action unit that both engines measure."""
    return list(_intensities(faces))


def _intensities(faces: FacesOfBoth) -> Iterator[Plot]:
    for name in PRESENCES:
        unit = name.removesuffix("_c")
        if f"{unit}_r" not in MEASURED:
            continue
        reference, engine = (side[:, 0] for side in faces.columns([f"{unit}_r"]))
        plot = _scatter(f"{unit} {ACTION_UNIT_NAMES.get(unit, '').lower()}", reference, engine, INTENSITIES)
        if plot:
            yield plot


def _scatter(heading: str, reference: Numbers, engine: Numbers, axis: tuple[float, float] | None = None) -> Plot | None:
    """Draw a point a face over the line of equal values; None where no face has both."""
    known = np.isfinite(reference) & np.isfinite(engine)
    reference, engine = reference[known], engine[known]
    if not len(reference):
        return None
    low, high = axis or _axis(reference, engine)
    step = -(-len(reference) // MOST_POINTS)
    xs, ys = _places(reference[::step], low, high), SIDE - _places(engine[::step], low, high)
    dots = "".join(f"M{x} {y}h0" for x, y in dict.fromkeys(zip(xs.tolist(), ys.tolist(), strict=True)))
    faces = f"{len(reference):,} face{'s' * (len(reference) != 1)}"
    note = faces if step == 1 else f"{faces}, every {step}th is drawn"
    shapes = [f'<path class="limit" d="M0 {SIDE}L{SIDE} 0"/>', f'<path class="dots" d="{dots}"/>']
    title = f"{heading}: {note}; both axes {low:g} to {high:g}"
    return Plot(heading, f"{low:g}", f"{high:g}", note, _svg(title, shapes))


def _axis(reference: Numbers, engine: Numbers) -> tuple[float, float]:
    """Choose whole numbers that hold both engines' values."""
    both = np.concatenate([reference, engine])
    low, high = float(np.floor(both.min())), float(np.ceil(both.max()))
    return (low, high) if high > low else (low - 1, high + 1)


def _places(values: Numbers, low: float, high: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * SIDE).astype(np.int64)


def _known(values: Numbers) -> Numbers:
    return values[np.isfinite(values)]


def _svg(title: str, shapes: Sequence[str]) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" role="img" aria-label="{escape(title)}">'
        f"{''.join(shapes)}</svg>"
    )
