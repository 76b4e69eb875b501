"""The overlay: boxes, landmarks, head axes and lines of sight, drawn into a picture."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from service.faces.seen import Numbers, Seen

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

BOX: Colour = (80, 200, 255)
LANDMARK: Colour = (120, 255, 120)
SIGHT: Colour = (255, 255, 0)
AXES: dict[str, Colour] = {"x": (60, 60, 255), "y": (60, 255, 60), "z": (255, 120, 60)}
"""All in BGR: x red, y green, z blue, as is usual for axes."""

# Places in 1/16 pixel: OpenCV draws between pixels where it is told so.
_SHIFT = 4


def draw(pixels: Pixels, faces: Iterable[Seen]) -> Pixels:
    """A copy of the picture (height, width, 3; BGR) with everything drawn; lines grow with the face."""
    drawn = pixels.copy()
    for face in faces:
        _draw_one(drawn, face)
    return drawn


def _draw_one(pixels: Pixels, face: Seen) -> None:
    thick = max(1, round(face.size / 150))
    cv2.rectangle(pixels, _place(face.box[:2]), _place(face.box[2:]), BOX, thick, cv2.LINE_AA, _SHIFT)
    for point in face.landmarks:
        radius = round(max(1.0, face.size / 180) * 2**_SHIFT)
        cv2.circle(pixels, _place(point), radius, LANDMARK, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    for begin, end in face.lines_of_sight():
        cv2.line(pixels, _place(begin), _place(end), SIGHT, thick, cv2.LINE_AA, _SHIFT)
    axes = face.axes()
    for name, colour in AXES.items():
        cv2.line(pixels, _place(axes["origin"]), _place(axes[name]), colour, thick + 1, cv2.LINE_AA, _SHIFT)


def _place(point: Numbers) -> tuple[int, int]:
    x, y = (round(float(part) * 2**_SHIFT) for part in np.clip(point, -20_000, 20_000))
    return x, y
