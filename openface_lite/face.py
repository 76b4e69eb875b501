"""One measured face with everything that the library measures on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from openface_lite import action_units, gaze, pose, signals
from openface_lite.arrays import Array
from openface_lite.mesh import Mesh

Point = tuple[float, float]

_NOSE_TIP, _MOUTH_LEFT, _MOUTH_RIGHT = 4, 61, 291


class KeyPoints(NamedTuple):
    """Five points as (x, y) in pixels. Left and right are those of the image, as in MTCNN and RetinaFace."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


class ActionUnit(NamedTuple):
    """One intensity.

    ``intensity`` is 0 to 5, or None where ``support`` is ``not_estimable``: not measured is not absent. The
    other levels are ``supported`` and ``weak``; :data:`openface_lite.action_units.MEASURED` says what each rests on.
    """

    intensity: float | None
    support: str


@dataclass(frozen=True)
class Face:
    """One face, measured. Arrays are floating point; pixels are those of the full-size upright picture.

    Eye 0 is the eye on the left of the image. ``camera`` is the one that the millimetres rest on.
    """

    mesh: Mesh
    camera: pose.Camera
    head_pose: pose.Pose

    @cached_property
    def weak_perspective(self) -> pose.WeakPerspective:
        """How the canonical face lies in the picture if depth did not matter."""
        return pose.fit_weak_perspective(self.landmarks_2d)

    @cached_property
    def gaze(self) -> gaze.Gaze:
        """Where the eyes look, and their landmarks."""
        return gaze.estimate(self.mesh, self.camera, self.head_pose, signals.eye_openings(self._frontal))

    @property
    def confidence(self) -> float:
        """How surely this is a face, 0 to 1: the landmark network's presence."""
        return self.mesh.presence

    @property
    def box(self) -> Array:
        """Left, top, right, bottom in pixels, around the points of the face."""
        return self.mesh.box

    @property
    def size(self) -> float:
        """The longer side of the box in pixels; faces come in the order of it, largest first."""
        left, top, right, bottom = self.box
        return float(max(right - left, bottom - top))

    @property
    def landmarks_2d(self) -> Array:
        """OpenFace's 68 points (68, 2) in pixels."""
        return self.mesh.face_points[:, :2]

    @cached_property
    def landmarks_3d(self) -> Array:
        """OpenFace's 68 points (68, 3) in mm, camera coordinates; projected they are the 2D points."""
        return pose.face_points_3d(self.landmarks_2d, self.camera, self.weak_perspective)

    @property
    def key_points(self) -> KeyPoints:
        """Five points, the eyes being the middles of the irises' rings."""
        points = self.mesh.points
        eyes = (points[469:473].mean(axis=0), points[474:478].mean(axis=0))
        mouth = points[[_NOSE_TIP, _MOUTH_LEFT, _MOUTH_RIGHT]]
        return KeyPoints(*((float(x), float(y)) for x, y, _ in (*eyes, *mouth)))

    @property
    def eye_landmarks_2d(self) -> Array:
        """(56, 2) in pixels: for each eye 8 points of the iris ring, 12 of the lids, 8 of the pupil ring."""
        return self.gaze.eye_points_2d

    @property
    def eye_landmarks_3d(self) -> Array:
        """The eye landmarks (56, 3) in mm, camera coordinates; projected they are the 2D points."""
        return self.gaze.eye_points_3d

    @cached_property
    def au_measures(self) -> Array:
        """The raw signals (21,) behind the action units, in the order of :data:`openface_lite.signals.NAMES`."""
        return signals.measure(self.mesh, self._frontal)

    @cached_property
    def au_intensities(self) -> Array:
        """The 17 intensities of 0 to 5 against a resting face, NaN for units that are not estimable.

        Rough: a picture shows no neutral of its own. A clip does.
        """
        return action_units.still_intensities(self.au_measures)

    @property
    def au_presences(self) -> Array:
        """The 18 presences, 0 or 1, NaN for all but AU45: the eyes are shut."""
        return action_units.still_presences(self.au_measures)

    @property
    def action_units(self) -> Mapping[str, ActionUnit]:
        """The 17 intensities by column name (``AU12_r``), from :attr:`au_intensities`."""
        values = (None if np.isnan(value) else float(value) for value in self.au_intensities)
        units = {
            name: ActionUnit(value, action_units.SUPPORT[name])
            for name, value in zip(action_units.INTENSITIES, values, strict=True)
        }
        return MappingProxyType(units)

    @cached_property
    def _frontal(self) -> Array:
        return pose.frontal_points(self.mesh)
