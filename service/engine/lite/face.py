"""One face as it is answered, whoever measured it: the embedded analyser, or a row of an OpenFace table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from openface_lite import Camera, Face
from openface_lite.action_units import PRESENCES, SUPPORT
from openface_lite.pose import euler_angles

Numbers = NDArray[np.floating[Any]]

AXIS_MM = 60.0
"""Length of the drawn axes and of the drawn lines of sight."""
HALF_CUBE_MM = 100.0
"""Half a side of the cube that OpenFace's visualiser draws around a head."""
IRIS_RING = slice(0, 8)
"""Of the 28 landmarks of an eye."""
NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = 30, 48, 54
"""Of the 68 landmarks; left and right are those of the image."""


@dataclass(frozen=True)
class FaceView:
    """One face, in pixels of the upright picture and millimetres before the camera.

    Attributes:
        box: left, top, right, bottom.
        confidence: 0 to 1.
        landmarks: (68, 2).
        camera: that the millimetres rest on.
        rotation, translation: of the head, (3, 3) and (3,), as OpenFace's `pose_R*` and `pose_T*`.
        sight: unit vectors (2, 3), the eye on the left of the image first; None where not measured.
        eyes_2d, eyes_3d: (56, 2) and (56, 3) eye landmarks.
        action_units: by column: `AU12_r` and, where measured, `AU12_c`.
    """

    box: Numbers
    confidence: float
    landmarks: Numbers
    camera: Camera
    rotation: Numbers
    translation: Numbers
    sight: Numbers
    eyes_2d: Numbers
    eyes_3d: Numbers
    action_units: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, face: Face) -> FaceView:
        """What the embedded analyser measured."""
        units = {
            name: {"intensity": _rounded(unit.intensity), "support": unit.support}
            for name, unit in face.action_units.items()
        }
        units |= {
            name: {"presence": _rounded(float(value)), "support": SUPPORT[name]}
            for name, value in zip(PRESENCES, face.au_presences, strict=True)
        }
        return cls(
            box=face.box,
            confidence=face.confidence,
            landmarks=face.landmarks_2d,
            camera=face.camera,
            rotation=face.head_pose.rotation,
            translation=face.head_pose.translation,
            sight=face.gaze.vectors,
            eyes_2d=face.eye_landmarks_2d,
            eyes_3d=face.eye_landmarks_3d,
            action_units=units,
        )

    @classmethod
    def of_row(cls, row: Mapping[str, str], width: int, height: int, support: Mapping[str, str]) -> FaceView:
        """A row of FaceLandmarkImg's table. Its box is that of the landmarks: the table has no other.

        Args:
            width, height: of the picture, from which OpenFace guesses the camera.
            support: level by action-unit column; unstated is `supported`.
        """

        def numbers(*names: str) -> Numbers:
            return np.array([_number(row[name]) for name in names])

        landmarks = _columns(row, "x", "y", count=68)
        return cls(
            box=np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)]),
            confidence=_number(row["confidence"]),
            landmarks=landmarks,
            camera=Camera.for_size(width, height),
            rotation=_rotation(*numbers("pose_Rx", "pose_Ry", "pose_Rz")),
            translation=numbers("pose_Tx", "pose_Ty", "pose_Tz"),
            sight=numbers(*(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz")).reshape(2, 3),
            eyes_2d=_columns(row, "eye_lmk_x", "eye_lmk_y", count=56),
            eyes_3d=_columns(row, "eye_lmk_X", "eye_lmk_Y", "eye_lmk_Z", count=56),
            action_units={name: _unit(row[name], name, support) for name in row if name.startswith("AU")},
        )

    @property
    def size(self) -> float:
        """The longer side of the box."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def told_shortly(self) -> dict[str, Any]:
        """Box, confidence and key points in whole pixels."""
        left, top, right, bottom = (round(float(side)) for side in self.box)
        eyes = self.eyes_2d.reshape(2, 28, 2)[:, IRIS_RING].mean(axis=1)
        points = [*eyes, *self.landmarks[[NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT]]]
        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        return {
            "box": [left, top, right - left, bottom - top],
            "confidence": round(self.confidence, 4),
            "keypoints": {name: [round(float(x)), round(float(y))] for name, (x, y) in zip(names, points, strict=True)},
        }

    def told(self) -> dict[str, Any]:
        """Everything."""
        return self.told_shortly() | {
            "landmarks": _told(self.landmarks, 1),
            "head_pose": {
                "translation_mm": _told(self.translation, 1),
                "rotation_deg": dict(
                    zip(("pitch", "yaw", "roll"), _told(np.degrees(euler_angles(self.rotation)), 2), strict=True)
                ),
                "rotation_vector": _told(cv2.Rodrigues(self.rotation)[0].ravel(), 5),
                "axes": {name: _told(point, 1) for name, point in self.axes().items()},
            },
            "gaze": self._told_gaze(),
            "action_units": dict(self.action_units),
        }

    def axes(self) -> dict[str, Numbers]:
        """Where the head's axes are seen: `origin`, and the ends of x (right), y (down) and z (out of the face)."""
        ends = self.translation + AXIS_MM * (self.rotation * (1, 1, -1)).T
        points = self._project(np.vstack([self.translation, ends]))
        return dict(zip(("origin", "x", "y", "z"), points, strict=True))

    def around_head(self, corners: Numbers) -> Numbers:
        """Where the corners (n, 3; of -1 and 1) of a cube of 200 mm around the head are seen, as OpenFace draws it."""
        return self._project(self.translation + HALF_CUBE_MM * corners @ self.rotation.T)

    def lines_of_sight(self) -> list[tuple[Numbers, Numbers]]:
        """For each eye where its line of sight begins and ends in the picture; none where gaze was not measured."""
        if not np.isfinite(self.sight).all():
            return []
        begins = self.eyes_3d.reshape(2, 28, 3)[:, IRIS_RING].mean(axis=1)
        ends = self._project(begins + AXIS_MM * self.sight)
        return list(zip(self._project(begins), ends, strict=True))

    def _told_gaze(self) -> dict[str, Any] | None:
        lines = self.lines_of_sight()
        if not lines:
            return None
        x, y, z = self.sight.mean(axis=0)
        return {
            "angle_deg": _told(np.degrees([math.atan2(x, -z), math.atan2(y, -z)]), 2),
            "eyes": [
                {"origin": _told(origin, 1), "end": _told(end, 1), "direction": _told(direction, 4)}
                for (origin, end), direction in zip(lines, self.sight, strict=True)
            ],
        }

    def _project(self, points: Numbers) -> Numbers:
        # A point at or behind the camera has no place in the picture; a face is never that near.
        points = np.column_stack([points[:, :2], np.maximum(points[:, 2], 1.0)])
        return self.camera.project(points)


def _rotation(pitch: float, yaw: float, roll: float) -> Numbers:
    """R = Rx Ry Rz, as OpenFace defines its angles (radians)."""
    parts = [cv2.Rodrigues(angle * axis)[0] for angle, axis in zip((pitch, yaw, roll), np.eye(3), strict=True)]
    return np.asarray(parts[0] @ parts[1] @ parts[2])


def _columns(row: Mapping[str, str], *prefixes: str, count: int) -> Numbers:
    return np.array([[_number(row[f"{prefix}_{i}"]) for prefix in prefixes] for i in range(count)])


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


def _unit(cell: str, name: str, support: Mapping[str, str]) -> dict[str, Any]:
    value = _number(cell)
    kind = "intensity" if name.endswith("_r") else "presence"
    return {kind: _rounded(value), "support": support.get(name, "supported")}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)


def _told(numbers: Any, decimals: int) -> Any:
    return np.round(numbers, decimals).tolist()
