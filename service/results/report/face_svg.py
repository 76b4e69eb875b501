"""Lines over the picture as SVG coordinates: box, landmarks, head axes and gaze of each face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from service.engine.lite.geometry import LANDMARK_LINES, Camera, FaceGeometry, Line

SvgLine = tuple[float, float, float, float]


@dataclass(frozen=True)
class FaceDrawing:
    """One face; what was not measured is empty.

    Attributes:
        number: `face`, or `face_id` of a video.
        counts: whether its row passes the quality gate.
        box: left, top, width, height.
        paths: SVG path of each line of landmarks.
        axes: the head's x (to the right in the picture), y (down) and the direction that it faces.
        gaze: a line from each iris; none where an eye is shut or the two contradict each other.
    """

    number: int
    counts: bool
    box: tuple[float, float, float, float]
    paths: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    axes: tuple[SvgLine, ...]
    gaze: tuple[SvgLine, ...]


def draw(
    row: Mapping[str, float], counts: bool, width: int, height: int, camera: Camera | None = None
) -> FaceDrawing | None:
    """Draw one row of a table; None where it has no landmarks.

    Args:
        width, height: of the picture in pixels, from which OpenFace guesses its camera.
        camera: the one that the engine was given instead.
    """
    face = FaceGeometry.of_columns(row, width, height, camera)
    points = face.landmarks
    if not np.isfinite(points).all():
        return None
    left, top, right, bottom = face.landmark_box
    return FaceDrawing(
        number=int(row.get("face", row.get("face_id", 0))),
        counts=counts,
        box=(_r(left), _r(top), _r(right - left), _r(bottom - top)),
        paths=tuple("M" + "L".join(f"{_r(points[i, 0])} {_r(points[i, 1])}" for i in part) for part in LANDMARK_LINES),
        points=tuple((_r(x), _r(y)) for x, y in points),
        axes=_axes(face, float(right - left)),
        gaze=tuple(_line(each) for each in face.drawn_lines_of_sight()),
    )


def _axes(face: FaceGeometry, face_width_px: float) -> tuple[SvgLine, ...]:
    depth = float(face.translation[2])
    if not (np.isfinite(face.translation).all() and np.isfinite(face.rotation).all()) or depth <= 0:
        return ()
    # Half as long as the face is wide, whatever the guessed scale makes of it.
    ends = face.axes(0.5 * face_width_px * depth / face.camera.fx)
    return tuple(_line((ends["origin"], ends[name])) for name in "xyz")


def _line(line: Line) -> SvgLine:
    (x1, y1), (x2, y2) = line
    return _r(x1), _r(y1), _r(x2), _r(y2)


def _r(value: float) -> float:
    return round(float(value), 1)
