"""One measured face: everything the library tells about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from openface_lite import action_units, gaze, pose
from openface_lite.arrays import Array
from openface_lite.mesh import Mesh

Point = tuple[float, float]

_NOSE_TIP, _MOUTH_LEFT, _MOUTH_RIGHT = 4, 61, 291


@dataclass(frozen=True)
class KeyPoints:
    """Five points as (x, y) in pixels. Left and right are those of the image, as in MTCNN and RetinaFace."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


@dataclass(frozen=True)
class ActionUnit:
    """One intensity.

    ``intensity`` is 0 to 5, or None where ``support`` is ``not_estimable``: not measured is not absent. The
    other levels are ``supported`` and ``weak`` (see :data:`openface_lite.action_units.MEASURED`).
    """

    intensity: float | None
    support: str


@dataclass(frozen=True)
class Face:
    """One face, measured. Arrays are float64; pixels are those of the full-size upright picture.

    Eye 0 is the eye on the left of the image. ``camera`` is the one that the millimetres rest on.
    """

    mesh: Mesh
    camera: pose.Camera
    head_pose: pose.Pose
    weak_perspective: pose.WeakPerspective
    gaze: gaze.Gaze

    @property
    def confidence(self) -> float:
        """How surely this is a face, 0 to 1: the mesh network's presence."""
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
        """The same points (68, 3) in mm, camera coordinates; projected they are the 2D points."""
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
        """The same points (56, 3) in mm, camera coordinates; projected they are the 2D points."""
        return self.gaze.eye_points_3d

    @cached_property
    def au_measures(self) -> Array:
        """The raw measures (6,) behind the action units, in the order of action_units.MEASURED."""
        return action_units.measure(pose.frontal_points(self.mesh))

    @property
    def au_intensities(self) -> Array:
        """Intensities (6,) of 0 to 5 against the fixed neutral, in the order of action_units.MEASURED.

        Rough: a picture shows no neutral of its own (correlation with OpenFace about .5). A clip does.
        """
        return action_units.intensities(self.au_measures, action_units.fixed_neutral())

    @property
    def action_units(self) -> Mapping[str, ActionUnit]:
        """The 17 intensities by column name (``AU12_r``), from :attr:`au_intensities`."""
        measured = dict(zip(action_units.MEASURED, self.au_intensities.tolist(), strict=True))
        units = {name: ActionUnit(measured.get(name), action_units.SUPPORT[name]) for name in action_units.INTENSITIES}
        return MappingProxyType(units)
