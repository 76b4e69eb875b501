"""One measured face: from the embedded analyser, or from a row of an OpenFace table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from openface_lite import Face
from openface_lite.action_units import PRESENCES, SUPPORT
from openface_lite.pose import Camera, euler_angles
from service.engine.lite.geometry import IRIS_RING, FaceGeometry, Numbers, points

NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = 30, 48, 54
"""Indices in the 68 landmarks; left and right are those of the image."""


@dataclass(frozen=True)
class FaceView(FaceGeometry):
    """One face, in pixels of the upright picture and millimetres before the camera.

    Attributes:
        box: left, top, right, bottom.
        confidence: 0 to 1.
        eyes_2d: (56, 2) eye landmarks.
        action_units: by column: `AU12_r` and, where measured, `AU12_c`.
    """

    box: Numbers
    confidence: float
    eyes_2d: Numbers
    action_units: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, face: Face) -> FaceView:
        """Convert a face of the embedded analyser."""
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
    def of_row(
        cls,
        row: Mapping[str, str],
        width: int,
        height: int,
        support: Mapping[str, str],
        camera: Camera | None = None,
    ) -> FaceView:
        """Convert a row of FaceLandmarkImg's table; the box is the one of the landmarks, since the table has none.

        Args:
            width, height: of the picture, from which OpenFace guesses the camera.
            support: level by action-unit column; unstated is `supported`.
            camera: the one that the engine was given instead.
        """

        values = {name: _number(cell) for name, cell in row.items()}
        geometry = FaceGeometry.of_columns(values, width, height, camera)
        return cls(
            **vars(geometry),
            box=geometry.landmark_box,
            confidence=values["confidence"],
            eyes_2d=points(values, "eye_lmk_x", "eye_lmk_y", count=56),
            action_units={name: _unit(values[name], name, support) for name in values if name.startswith("AU")},
        )

    @property
    def size(self) -> float:
        """Longer side of the box, in pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def as_found(self) -> dict[str, Any]:
        """Return box, confidence and key points, in whole pixels."""
        left, top, right, bottom = (round(float(side)) for side in self.box)
        eyes = self.eyes_2d.reshape(2, 28, 2)[:, IRIS_RING].mean(axis=1)
        points = [*eyes, *self.landmarks[[NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT]]]
        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        return {
            "box": [left, top, right - left, bottom - top],
            "confidence": round(self.confidence, 4),
            "keypoints": {name: [round(float(x)), round(float(y))] for name, (x, y) in zip(names, points, strict=True)},
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all measurements."""
        return self.as_found() | {
            "landmarks": _round_all(self.landmarks, 1),
            "head_pose": {
                "translation_mm": _round_all(self.translation, 1),
                "rotation_deg": dict(
                    zip(("pitch", "yaw", "roll"), _round_all(np.degrees(euler_angles(self.rotation)), 2), strict=True)
                ),
                "rotation_vector": _round_all(cv2.Rodrigues(self.rotation)[0].ravel(), 5),
                "axes": {name: _round_all(point, 1) for name, point in self.axes().items()},
            },
            "gaze": self._gaze(),
            "action_units": dict(self.action_units),
        }

    def _gaze(self) -> dict[str, Any] | None:
        lines = self.lines_of_sight()
        if not lines:
            return None
        x, y, z = self.sight.mean(axis=0)
        return {
            "angle_deg": _round_all(np.degrees([math.atan2(x, -z), math.atan2(y, -z)]), 2),
            "eyes": [
                {"origin": _round_all(origin, 1), "end": _round_all(end, 1), "direction": _round_all(direction, 4)}
                for (origin, end), direction in zip(lines, self.sight, strict=True)
            ],
        }


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


def _unit(value: float, name: str, support: Mapping[str, str]) -> dict[str, Any]:
    kind = "intensity" if name.endswith("_r") else "presence"
    return {kind: _rounded(value), "support": support.get(name, "supported")}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)


def _round_all(numbers: Any, decimals: int) -> Any:
    return np.round(numbers, decimals).tolist()
