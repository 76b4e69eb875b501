"""What is drawn over the picture: box, landmarks, head axes and gaze of each face, in pixels of the upright picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Pinhole camera at the origin, x right, y down, z away from it; lengths in pixels.

    OpenFace guesses the focal length as the mean of 500 · width / 640 and 500 · height / 480 and puts the centre in
    the middle (its `_of_details.txt` says so of every input).
    """

    focal: float
    centre: tuple[float, float]

    @classmethod
    def of(cls, width: int, height: int) -> Camera:
        """For a picture of this size in pixels."""
        return cls((500 * width / 640 + 500 * height / 480) / 2, (width / 2, height / 2))

    def project(self, points_mm: Numbers) -> Numbers:
        """Pixels, shape (n, 2), of points in millimetres, shape (n, 3); nan for those not in front of the camera."""
        z = np.where(points_mm[:, 2:] > 0, points_mm[:, 2:], np.nan)
        return np.asarray(points_mm[:, :2] / z * self.focal + self.centre)


def rotation(pitch: float, yaw: float, roll: float) -> Numbers:
    """OpenFace's head rotation, shape (3, 3), from `pose_Rx`, `pose_Ry`, `pose_Rz` in radians: R = Rx · Ry · Rz."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


LANDMARKS, EYE_LANDMARKS = 68, 56
IRISES = (slice(0, 8), slice(28, 36))
"""Of OpenFace's 56 eye landmarks, the rings around the irises: 0 is the eye on the left of the picture."""
GAZE_MM = 60.0
PARTS = (
    range(17),
    range(17, 22),
    range(22, 27),
    range(27, 31),
    range(31, 36),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)
"""The lines that the 68 landmarks make: jaw, brows, nose, eyes, lips."""

Row = Mapping[str, float]
Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class FaceDrawing:
    """One face; what was not measured is empty.

    Attributes:
        number: `face`, or `face_id` of a video.
        counts: whether its row passes the quality gate.
        box: left, top, width, height.
        paths: SVG path of each line of landmarks.
        axes: the head's own x (to the right in the picture), y (down) and the way it faces.
        gaze: a line from each iris.
    """

    number: int
    counts: bool
    box: tuple[float, float, float, float]
    paths: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    axes: tuple[Line, ...]
    gaze: tuple[Line, ...]


def draw(row: Row, counts: bool, width: int, height: int) -> FaceDrawing | None:
    """The drawing of one row of a table; None where it has no landmarks.

    Args:
        width, height: of the picture in pixels, from which OpenFace guesses its camera.
    """
    points = _points(row, "", "xy", LANDMARKS)
    if not np.isfinite(points).all():
        return None
    camera = Camera.of(width, height)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return FaceDrawing(
        number=int(row.get("face", row.get("face_id", 0))),
        counts=counts,
        box=(_r(left), _r(top), _r(right - left), _r(bottom - top)),
        paths=tuple("M" + "L".join(f"{_r(points[i, 0])} {_r(points[i, 1])}" for i in part) for part in PARTS),
        points=tuple((_r(x), _r(y)) for x, y in points),
        axes=_axes(row, camera, float(right - left)),
        gaze=_gaze(row, camera),
    )


def _points(row: Row, prefix: str, axes: str, count: int) -> Numbers:
    """Shape (count, axes); nan where a column is missing or empty."""
    return np.array([[row.get(f"{prefix}{axis}_{i}", np.nan) for axis in axes] for i in range(count)])


def _axes(row: Row, camera: Camera, face_width_px: float) -> tuple[Line, ...]:
    place = np.array([row.get(f"pose_T{axis}", np.nan) for axis in "xyz"])
    angles = [row.get(f"pose_R{axis}", np.nan) for axis in "xyz"]
    if not np.isfinite([*place, *angles]).all() or place[2] <= 0:
        return ()
    # Half as long as the face is wide, whatever the guessed scale makes of it.
    length_mm = 0.5 * face_width_px * place[2] / camera.focal
    ends = place + length_mm * (rotation(*angles) @ np.diag([1.0, 1.0, -1.0])).T
    return _lines(camera.project(np.vstack([place, ends])), [(0, 1), (0, 2), (0, 3)])


def _gaze(row: Row, camera: Camera) -> tuple[Line, ...]:
    eyes = _points(row, "eye_lmk_", "XYZ", EYE_LANDMARKS)
    lines: list[Line] = []
    for number, iris in enumerate(IRISES):
        direction = np.array([row.get(f"gaze_{number}_{axis}", np.nan) for axis in "xyz"])
        start = eyes[iris].mean(axis=0)
        lines += _lines(camera.project(np.vstack([start, start + GAZE_MM * direction])), [(0, 1)])
    return tuple(lines)


def _lines(points: Numbers, pairs: list[tuple[int, int]]) -> tuple[Line, ...]:
    found = [(*points[a], *points[b]) for a, b in pairs]
    return tuple((_r(x1), _r(y1), _r(x2), _r(y2)) for x1, y1, x2, y2 in found if np.isfinite([x1, y1, x2, y2]).all())


def _r(value: float) -> float:
    return round(float(value), 1)
