"""The camera, the head pose in OpenFace's convention, and points put at their depth.

Convention (checked on real OpenFace rows): camera coordinates in mm, x to the right, y down, z away from
the camera; a model point P lies at R P + T with R = Rx Ry Rz; angles in radians.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from openface_lite import landmarks
from openface_lite.arrays import Array
from openface_lite.mesh import Mesh

# OpenFace's model has its origin lower and closer to the camera than the middle of the outer eye
# corners, and is tilted against our mean face. Both measured against real OpenFace output.
_ORIGIN_MM = (0.0, 39.0, -12.0)
_PITCH_OFFSET = np.radians(-6.5)

# Mesh points that expressions hardly move: forehead, temples, eye corners, nose, ears' side.
_RIGID_POINTS = (
    *(10, 67, 109, 297, 338, 127, 356, 234, 454, 21, 251, 162, 389),
    *(33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 98, 327),
)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; all four in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def for_size(cls, width: int, height: int) -> "Camera":
        """OpenFace's guess for a picture of unknown origin."""
        focal = (500 * width / 640 + 500 * height / 480) / 2
        return cls(focal, focal, width / 2, height / 2)

    @property
    def matrix(self) -> Array:
        """The 3 x 3 intrinsic matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

    def project(self, points: Array) -> Array:
        """Pixels (n, 2) of points (n, 3) in mm: x = fx X/Z + cx, y = fy Y/Z + cy."""
        return points[:, :2] / points[:, 2:] * (self.fx, self.fy) + (self.cx, self.cy)

    def rays(self, pixels: Array) -> Array:
        """Directions (n, 3) with z = 1 through pixels (n, 2)."""
        flat = (pixels - (self.cx, self.cy)) / (self.fx, self.fy)
        return np.column_stack([flat, np.ones(len(flat))])


@dataclass(frozen=True)
class Pose:
    """Where the head is: ``rotation`` (3, 3) and ``translation`` (3,) in mm."""

    rotation: Array
    translation: Array

    @property
    def angles(self) -> Array:
        """Pitch, yaw, roll in radians."""
        return euler_angles(self.rotation)

    @property
    def seen_rotation(self) -> Array:
        """The rotation as it appears in the image: relative to the line of sight to the head."""
        return _sight_rotation(self.translation).T @ self.rotation

    def place(self, model_points: Array) -> Array:
        """Model points (n, 3) in camera coordinates, mm."""
        return model_points @ self.rotation.T + self.translation


def mean_face() -> Array:
    """The (478, 3) mean face in mm, in the axes and origin of OpenFace's model."""
    return _mean_face()[0]


@lru_cache(maxsize=1)
def _mean_face() -> tuple[Array, Array]:
    """The mean face and its 68 points."""
    table = np.loadtxt(Path(__file__).parent / "mean_face_478.csv", delimiter=",", skiprows=1)
    tilt = _rotation_x(_PITCH_OFFSET)
    points = (table[:, 1:] - _ORIGIN_MM) @ tilt
    face_points = landmarks.face_points(points)
    for shared in (points, face_points):
        shared.setflags(write=False)
    return points, face_points


def estimate(mesh: Mesh, camera: Camera) -> Pose:
    """The head pose: the mean face's 68 points brought onto the seen ones (PnP, iterative)."""
    scale, seen, shift = _similarity(mean_face()[list(_RIGID_POINTS)], mesh.points[list(_RIGID_POINTS)])
    # Started from a similarity fit in front of the camera: from elsewhere the solver may end in the
    # mirrored solution behind it.
    depth = camera.fx / scale
    place = camera.rays(shift[np.newaxis, :2])[0] * depth
    start = Pose(_sight_rotation(place) @ seen, place)
    return refine(landmarks.face_points(mesh.points)[:, :2], camera, start)


def refine(pixels: Array, camera: Camera, start: Pose) -> Pose:
    """PnP of (68, 2) pixels from a start near the answer."""
    rotation_vector, _ = cv2.Rodrigues(start.rotation)
    _, rotation_vector, translation = cv2.solvePnP(
        _mean_face()[1],
        np.ascontiguousarray(pixels, dtype=np.float64),
        camera.matrix,
        None,
        rotation_vector,
        start.translation.reshape(3, 1).copy(),
        useExtrinsicGuess=True,
        flags=cv2.SOLVEPNP_ITERATIVE,
    )
    rotation, _ = cv2.Rodrigues(rotation_vector)
    return Pose(np.asarray(rotation, dtype=np.float64), np.asarray(translation, dtype=np.float64).ravel())


def at_model_depth(pixels: Array, model_points: Array, camera: Camera, pose: Pose) -> Array:
    """Seen pixels (n, 2) as (n, 3) mm: each at the depth its model point has in this pose.

    Projecting the result gives the pixels back exactly.
    """
    return camera.rays(pixels) * pose.place(model_points)[:, 2:]


def face_points_3d(pixels: Array, camera: Camera, pose: Pose) -> Array:
    """The 68 face points in mm."""
    return at_model_depth(pixels, _mean_face()[1], camera, pose)


def frontal_points(mesh: Mesh) -> Array:
    """The 468 mesh points turned to face the camera, in mm of the mean face.

    A similarity fit over points that expressions hardly move, so what remains is expression and
    the person's own shape.
    """
    rigid = list(_RIGID_POINTS)
    scale, rotation, shift = _similarity(mean_face()[rigid], mesh.points[rigid])
    return (mesh.points[:468] - shift) @ rotation / scale


def euler_angles(rotation: Array) -> Array:
    """Rx, Ry, Rz in radians of R = Rx Ry Rz."""
    rx = np.arctan2(-rotation[1, 2], rotation[2, 2])
    ry = np.arcsin(np.clip(rotation[0, 2], -1, 1))
    rz = np.arctan2(-rotation[0, 1], rotation[0, 0])
    return np.array([rx, ry, rz])


def _similarity(source: Array, target: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and shift that bring (n, 3) points onto others with least squared error.

    Umeyama's closed form (1991, "Least-squares estimation of transformation parameters between two
    point patterns").
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred_source, centred_target = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(centred_target.T @ centred_source)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    scale = float((singular * signs).sum() / (centred_source**2).sum())
    return scale, rotation, target_mean - scale * rotation @ source_mean


def _sight_rotation(translation: Array) -> Array:
    """The rotation that turns the optical axis towards a point: first in x (pitch), then in y (yaw)."""
    x, y, z = translation
    return _rotation_x(-np.arctan2(y, z)) @ _rotation_y(np.arctan2(x, np.hypot(y, z)))


def _rotation_x(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _rotation_y(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
