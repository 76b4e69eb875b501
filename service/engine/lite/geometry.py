"""A face in the camera's coordinates, and the lines that are drawn of it, in pixels of the upright picture.

One geometry for every drawing: the answers of the interactive analyser, overlays and reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openface_lite import Camera as Camera

Numbers = NDArray[np.floating[Any]]
Line = tuple[Numbers, Numbers]
"""Begin and end, each (2,) in pixels."""

AXIS_MM = 60.0
"""Length of drawn axes and lines of sight."""
HALF_CUBE_MM = 100.0
"""Half a side of the cube that OpenFace's visualiser draws around a head."""
IRIS_RING = slice(0, 8)
"""Of the 28 landmarks of an eye."""
LANDMARKS, EYE_LANDMARKS = 68, 56
LANDMARK_LINES = (
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
"""Lines through the 68 landmarks: jaw, brows, nose, eyes, lips."""
LIDS = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
"""Of the 68 landmarks: outer corner, two points of the upper lid, inner corner, two of the lower lid (mirrored in the
second eye); the eye on the left of the image first."""
LEAST_OPENING = 0.15
"""Lid distance over eye width below which an eye counts as shut; open eyes measure 0.2 to 0.4 (Soukupová and Čech,
Real-Time Eye Blink Detection using Facial Landmarks, 2016)."""
MOST_APART_DEG = 20.0
"""Angle between the two lines of sight above which they contradict each other. Eyes that look at a point 20 cm away
differ by about 18°; OpenFace's lines of faces that look into the camera by 13 to 15°."""

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
_EDGES = [(a, b) for a, b in combinations(range(8), 2) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 2]


@dataclass(frozen=True)
class FaceGeometry:
    """Landmarks, head pose and gaze of one face; what was not measured is nan.

    Attributes:
        camera: the camera that the millimetres rest on.
        landmarks: (68, 2) in pixels.
        rotation, translation: of the head, (3, 3) and (3,) in mm, as OpenFace's `pose_R*` and `pose_T*`.
        sight: unit vectors (2, 3), the eye on the left of the image first.
        eyes_3d: (56, 3) eye landmarks in mm.
    """

    camera: Camera
    landmarks: Numbers
    rotation: Numbers
    translation: Numbers
    sight: Numbers
    eyes_3d: Numbers

    @classmethod
    def of_columns(
        cls, row: Mapping[str, float], width: int, height: int, camera: Camera | None = None
    ) -> FaceGeometry:
        """Read a row of an OpenFace table; columns that it lacks are nan.

        Args:
            width, height: of the picture, from which OpenFace guesses the camera.
            camera: the one that the engine was given instead.
        """
        nan = float("nan")

        def numbers(*names: str) -> Numbers:
            return np.array([row.get(name, nan) for name in names])

        return cls(
            camera=camera or Camera.for_size(width, height),
            landmarks=points(row, "x", "y", count=LANDMARKS),
            rotation=rotation(*numbers("pose_Rx", "pose_Ry", "pose_Rz")),
            translation=numbers("pose_Tx", "pose_Ty", "pose_Tz"),
            sight=numbers(*(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz")).reshape(2, 3),
            eyes_3d=points(row, "eye_lmk_X", "eye_lmk_Y", "eye_lmk_Z", count=EYE_LANDMARKS),
        )

    @property
    def landmark_box(self) -> Numbers:
        """Left, top, right, bottom around the landmarks; nan where one is missing."""
        return np.concatenate([self.landmarks.min(axis=0), self.landmarks.max(axis=0)])

    def axes(self, length_mm: float = AXIS_MM) -> dict[str, Numbers]:
        """Project the head's axes: `origin`, and the ends of x (right), y (down) and z (out of the face)."""
        ends = self.translation + length_mm * (self.rotation * (1, 1, -1)).T
        return dict(zip(("origin", "x", "y", "z"), self._project(np.vstack([self.translation, ends])), strict=True))

    def cube(self) -> list[Line]:
        """Project the edges of a cube of 200 mm around the head, as OpenFace draws it."""
        corners = self._project(self.translation + HALF_CUBE_MM * _CORNERS @ self.rotation.T)
        return [(corners[a], corners[b]) for a, b in _EDGES]

    def lines_of_sight(self) -> list[Line]:
        """Project a line of sight from the middle of each iris; none where gaze was not measured."""
        if not np.isfinite(self.sight).all():
            return []
        begins = self.eyes_3d.reshape(2, 28, 3)[:, IRIS_RING].mean(axis=1)
        ends = self._project(begins + AXIS_MM * self.sight)
        return list(zip(self._project(begins), ends, strict=True))

    def drawn_lines_of_sight(self) -> list[Line]:
        """The lines of sight, or none where an eye is shut or the two contradict each other."""
        return self.lines_of_sight() if self.gaze_is_plausible else []

    @property
    def gaze_is_plausible(self) -> bool:
        """Whether both eyes are open and look about the same way; a shut eye's iris is made up."""
        if not (eye_openings(self.landmarks) >= LEAST_OPENING).all():
            return False
        lengths = np.linalg.norm(self.sight, axis=1)
        cosine = float(self.sight[0] @ self.sight[1]) / max(float(lengths[0] * lengths[1]), 1e-9)
        return bool(cosine >= np.cos(np.radians(MOST_APART_DEG)))

    def _project(self, points_mm: Numbers) -> Numbers:
        # A point at or behind the camera has no place in the picture; a face is never that near.
        return self.camera.project(np.column_stack([points_mm[:, :2], np.maximum(points_mm[:, 2], 1.0)]))


def eye_openings(landmarks: Numbers) -> Numbers:
    """Lid distance over eye width of both eyes, (…, 2), from landmarks (…, 68, 2): 0 is shut."""
    found = []
    for outer, upper_a, upper_b, inner, lower_b, lower_a in LIDS:
        width = np.linalg.norm(landmarks[..., outer, :] - landmarks[..., inner, :], axis=-1)
        heights = [
            np.linalg.norm(landmarks[..., upper, :] - landmarks[..., lower, :], axis=-1)
            for upper, lower in ((upper_a, lower_a), (upper_b, lower_b))
        ]
        found.append((heights[0] + heights[1]) / (2 * np.maximum(width, 1e-9)))
    return np.stack(found, axis=-1)


def rotation(pitch: float, yaw: float, roll: float) -> Numbers:
    """OpenFace's head rotation (3, 3) from `pose_Rx`, `pose_Ry`, `pose_Rz` in radians: R = Rx · Ry · Rz."""
    parts = [cv2.Rodrigues(angle * axis)[0] for angle, axis in zip((pitch, yaw, roll), np.eye(3), strict=True)]
    return np.asarray(parts[0] @ parts[1] @ parts[2])


def points(row: Mapping[str, float], *prefixes: str, count: int) -> Numbers:
    """Collect numbered columns such as `x_0`, `y_0`, … as (count, axes); nan where a column is missing."""
    nan = float("nan")
    return np.array([[row.get(f"{prefix}_{i}", nan) for prefix in prefixes] for i in range(count)])
