"""Draw the overlay into a picture: boxes, landmarks, head pose, lines of sight and action units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from service.engine.lite.face import FaceView
from service.engine.lite.geometry import Numbers

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Side = Literal["", "left", "right"]

BOX: Colour = (80, 200, 255)
LANDMARK: Colour = (120, 255, 120)
SIGHT: Colour = (255, 255, 0)
HEAD: Colour = (255, 160, 60)
AXES: dict[str, Colour] = {"x": (60, 60, 255), "y": (60, 255, 60), "z": (255, 120, 60)}
"""Colours of the head's axes in BGR: x red, y green, z blue."""
PANEL_SHADE = 0.35
BAR, WEAK_BAR, TEXT = (120, 255, 120), (80, 170, 170), (255, 255, 255)
MOST_INTENSE = 5.0
"""Highest intensity of an action unit; a full bar."""

# Coordinates are in 1/16 pixel, since OpenCV can draw between pixels.
_SHIFT = 4


def draw(
    pixels: Pixels, faces: Sequence[FaceView], *, scale: float = 1.0, pose_box: bool = False, bars: Side = ""
) -> Pixels:
    """Draw the faces into a copy of the picture (height, width, 3; BGR); lines grow with the face.

    Args:
        scale: of the copy, at most 1.
        pose_box: a cube around the head, as OpenFace draws it, in place of box and axes.
        bars: side of the panel with the measured action units of the largest face.
    """
    drawn = pixels.copy()
    if scale < 1:
        drawn = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for face in faces:
        _draw_one(drawn, face, scale, pose_box=pose_box)
    if bars and faces:
        _draw_bars(drawn, largest(faces), bars)
    return drawn


def largest(faces: Sequence[FaceView]) -> FaceView:
    """Return the largest face, whose action units the panel shows."""
    return max(faces, key=lambda face: face.size)


def _draw_one(pixels: Pixels, face: FaceView, scale: float, *, pose_box: bool) -> None:
    thick = max(1, round(face.size * scale / 150))

    def line(begin: Numbers, end: Numbers, colour: Colour, thickness: int) -> None:
        cv2.line(pixels, _fixed_point(begin * scale), _fixed_point(end * scale), colour, thickness, cv2.LINE_AA, _SHIFT)

    for point in face.landmarks:
        radius = round(max(1.0, face.size * scale / 180) * 2**_SHIFT)
        cv2.circle(pixels, _fixed_point(point * scale), radius, LANDMARK, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    for begin, end in face.drawn_lines_of_sight():
        line(begin, end, SIGHT, thick)
    if pose_box:
        for begin, end in face.cube():
            line(begin, end, HEAD, thick)
        return
    corner, other = _fixed_point(face.box[:2] * scale), _fixed_point(face.box[2:] * scale)
    cv2.rectangle(pixels, corner, other, BOX, thick, cv2.LINE_AA, _SHIFT)
    axes = face.axes()
    for name, colour in AXES.items():
        line(axes["origin"], axes[name], colour, thick + 1)


def _draw_bars(pixels: Pixels, face: FaceView, side: Side) -> None:
    """Draw a panel in an upper corner: name, bar and number of each measured intensity."""
    units = {
        name.removesuffix("_r"): unit for name, unit in face.action_units.items() if unit.get("intensity") is not None
    }
    if not units:
        return
    height, width = pixels.shape[:2]
    row = max(9, min(18, height // (len(units) + 2)))
    across = min(width, row * 10)
    begin = 0 if side == "left" else width - across
    panel = pixels[: row * len(units) + row // 2, begin : begin + across]
    panel[:] = (panel * PANEL_SHADE).astype(np.uint8)
    size, thick = row / 34, max(1, row // 18)

    def write(text: str, x: int, y: int) -> None:
        cv2.putText(panel, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, TEXT, thick, cv2.LINE_AA)

    left, full = row * 3, row * 5
    for number, (name, unit) in enumerate(units.items()):
        base = row * (number + 1)
        filled = round(full * min(max(unit["intensity"] / MOST_INTENSE, 0.0), 1.0))
        colour = BAR if unit["support"] == "supported" else WEAK_BAR
        write(name, row // 3, base)
        cv2.rectangle(panel, (left, base - row // 2), (left + full, base), colour, 1)
        cv2.rectangle(panel, (left, base - row // 2), (left + filled, base), colour, cv2.FILLED)
        write(f"{unit['intensity']:.1f}", left + full + row // 3, base)


def _fixed_point(point: Numbers) -> tuple[int, int]:
    x, y = (round(float(part) * 2**_SHIFT) for part in np.clip(np.nan_to_num(point), -20_000, 20_000))
    return x, y
