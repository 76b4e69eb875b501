"""The camera, the head pose in OpenFace's convention, and points put at their depth.

Convention (checked on real OpenFace rows): camera coordinates in mm, x to the right, y down, z away from
the camera; a model point P lies at R P + T with R = Rx Ry Rz; angles in radians.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from openface_lite import canonical_face
from openface_lite.arrays import Array
from openface_lite.mesh import Mesh

# The pose is found when a step turns and moves it less than this: the next would be a hundredth of it.
_LEAST_TURN = 1e-3
_LEAST_SHIFT_MM = 0.5
_MOST_STEPS = 15

# Mesh points that expressions hardly move: forehead, temples, eye corners, nose, ears' side.
_RIGID_POINTS = np.array(
    [
        *(10, 67, 109, 297, 338, 127, 356, 234, 454, 21, 251, 162, 389),
        *(33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 98, 327),
    ]
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
        rays = np.ones((len(pixels), 3))
        rays[:, 0] = (pixels[:, 0] - self.cx) / self.fx
        rays[:, 1] = (pixels[:, 1] - self.cy) / self.fy
        return rays


class Pose(NamedTuple):
    """Where the head is: ``rotation`` (3, 3) and ``translation`` (3,) in mm."""

    rotation: Array
    translation: Array

    @property
    def angles(self) -> Array:
        """Pitch, yaw, roll in radians."""
        return euler_angles(self.rotation)

    def place(self, model_points: Array) -> Array:
        """Model points (n, 3) in camera coordinates, mm."""
        return model_points @ self.rotation.T + self.translation


class WeakPerspective(NamedTuple):
    """How the canonical face lies in the picture if depth did not matter: OpenFace's ``p_scale, p_r*, p_t*``.

    ``scale`` in pixels a mm, ``rotation`` (3, 3) against the line of sight, ``place`` (2,) in pixels of the
    middle of the 68 points.
    """

    scale: float
    rotation: Array
    place: Array

    @property
    def angles(self) -> Array:
        """Pitch, yaw, roll in radians."""
        return euler_angles(self.rotation)

    def depths(self, model_points: Array, camera: Camera) -> Array:
        """Depths (n,) in mm of model points (n, 3).

        As OpenFace puts its 3D landmarks (confirmed on real rows: their mean depth is fx / p_scale): the
        mean depth from the scale, and around it the points turned by this rotation, not the head pose's.
        """
        turned = (model_points - canonical_face.face_points().mean(axis=0)) @ self.rotation[2]
        return np.asarray(camera.fx / self.scale + turned)


def estimate(mesh: Mesh, camera: Camera, near: Pose | None = None) -> Pose:
    """The head pose: the canonical face's 468 points brought onto the seen ones (PnP, iterative).

    ``near`` is a pose to start from, as of the frame before; the answer is the same without it, but later.
    """
    model = canonical_face.points()
    pixels = mesh.points[: len(model), :2]
    near = near or _start(mesh, camera)
    return refine(model, pixels, camera, near)


def _start(mesh: Mesh, camera: Camera) -> Pose:
    """A similarity fit in front of the camera: from elsewhere the solver may end in the mirrored pose behind it."""
    scale, seen, shift = _fit_canonical_face(mesh)
    depth = camera.fx / scale
    place = camera.rays(shift[np.newaxis, :2])[0] * depth
    return Pose(_sight_rotation(place) @ seen, place)


def refine(model: Array, pixels: Array, camera: Camera, start: Pose) -> Pose:
    """PnP of (n, 2) pixels of the model's points (n, 3) from a start near the answer.

    Gauss-Newton on the reprojection error with the rotation updated from the left (Hartley and Zisserman
    2004, appendix 6). Its minimum is that of OpenCV's SOLVEPNP_ITERATIVE, which needs five times as long and
    takes over in the rare case that the steps do not shrink.
    """
    rotation, translation = start.rotation, start.translation
    for _ in range(_MOST_STEPS):
        step = _gauss_newton_step(pixels, camera, model @ rotation.T, translation)
        if step is None:
            break
        rotation = _rotation_about(step[:3]) @ rotation
        translation = translation + step[3:]
        if np.abs(step[:3]).max() < _LEAST_TURN and np.abs(step[3:]).max() < _LEAST_SHIFT_MM:
            return Pose(rotation, translation)
    return _refine_damped(model, pixels, camera, start)


def _gauss_newton_step(pixels: Array, camera: Camera, turned: Array, translation: Array) -> Array | None:
    """The step (rotation vector, translation) from the points (n, 3) as turned now; None if there is none."""
    qx, qy, qz = turned.T
    z = qz + translation[2]
    if z.min() <= 0:
        return None
    x, y = (qx + translation[0]) / z, (qy + translation[1]) / z
    # How a pixel moves with the point's place (a, 0, b; 0, c, d); a turn w moves the point by w x point.
    a, c = camera.fx / z, camera.fy / z
    b, d = -a * x, -c * y
    across, down = np.zeros((6, len(z))), np.zeros((6, len(z)))
    across[0], across[1], across[2], across[3], across[5] = qy * b, qz * a - qx * b, -qy * a, a, b
    down[0], down[1], down[2], down[4], down[5] = qy * d - qz * c, -qx * d, qx * c, c, d
    right = pixels[:, 0] - (camera.fx * x + camera.cx)
    below = pixels[:, 1] - (camera.fy * y + camera.cy)
    try:
        return np.asarray(np.linalg.solve(across @ across.T + down @ down.T, across @ right + down @ below))
    except np.linalg.LinAlgError:
        return None


def _rotation_about(vector: Array) -> Array:
    rotation, _ = cv2.Rodrigues(vector)
    return np.asarray(rotation, dtype=np.float64)


def _refine_damped(model: Array, pixels: Array, camera: Camera, start: Pose) -> Pose:
    """Find the same minimum by OpenCV's Levenberg-Marquardt."""
    rotation_vector, _ = cv2.Rodrigues(start.rotation)
    _, rotation_vector, translation = cv2.solvePnP(
        model,
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


def fit_weak_perspective(pixels: Array) -> WeakPerspective:
    """The weak-perspective fit of the canonical face's 68 points to (68, 2) pixels.

    The least-squares affine camera, and the scaled rotation nearest to it (by its singular values).
    """
    place = pixels.mean(axis=0)
    u, singular, vt = np.linalg.svd(((_face_points_inverse() @ (pixels - place)).T), full_matrices=False)
    across, down = u @ vt
    return WeakPerspective(float(singular.mean()), np.array([across, down, np.cross(across, down)]), place)


@lru_cache(maxsize=1)
def _face_points_inverse() -> Array:
    """The pseudo-inverse (3, 68) of the canonical face's 68 points around their middle."""
    points = canonical_face.face_points()
    return np.asarray(np.linalg.pinv(points - points.mean(axis=0)))


def face_points_3d(pixels: Array, camera: Camera, shape: WeakPerspective) -> Array:
    """The 68 face points (68, 3) in mm; projecting them gives the pixels back exactly."""
    return camera.rays(pixels) * shape.depths(canonical_face.face_points(), camera)[:, np.newaxis]


def frontal_points(mesh: Mesh) -> Array:
    """The (478, 3) points turned to face the camera, in mm of the canonical face.

    A similarity fit over points that expressions hardly move, so what remains is expression and
    the person's own shape.
    """
    scale, rotation, shift = _fit_canonical_face(mesh)
    return (mesh.points - shift) @ rotation / scale


def euler_angles(rotation: Array) -> Array:
    """Rx, Ry, Rz in radians of R = Rx Ry Rz."""
    rx = np.arctan2(-rotation[1, 2], rotation[2, 2])
    ry = np.arcsin(np.clip(rotation[0, 2], -1, 1))
    rz = np.arctan2(-rotation[0, 1], rotation[0, 0])
    return np.array([rx, ry, rz])


def _fit_canonical_face(mesh: Mesh) -> tuple[float, Array, Array]:
    return similarity(canonical_face.points()[_RIGID_POINTS], mesh.points[_RIGID_POINTS])


def similarity(source: Array, target: Array) -> tuple[float, Array, Array]:
    """Scale, rotation and shift that bring points (n, 2 or 3) onto others with least squared error.

    Umeyama's closed form (1991, "Least-squares estimation of transformation parameters between two
    point patterns").
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred_source, centred_target = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(centred_target.T @ centred_source)
    signs = np.ones(len(singular))
    signs[-1] = np.sign(np.linalg.det(u @ vt))
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
