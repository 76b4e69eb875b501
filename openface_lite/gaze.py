"""Where the eyes look, and OpenFace's eye landmarks in two and three dimensions.

A gaze is the direction of the head plus the eye's own rotation in it: the eyeball is placed by the head pose, and the
iris is looked for on it. People who look into the lens are measured to look there within some 5 degrees; which way a
given person's eyes are set is not known, and shifts all gazes of that person alike.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from openface_lite import blinks, canonical_face, landmarks
from openface_lite.arrays import Array
from openface_lite.mesh import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, Mesh
from openface_lite.pose import Camera, Pose

# From the centre of an eyeball to its iris: anatomy, since no picture at hand shows by how much eyes turned.
_EYEBALL_RADIUS_MM = 10.0
# The centre of an eyeball against the middle of its eye's corners: towards the temple, down (so it lies higher), and
# into the head. Chosen on eight portraits whose subjects look into the lens, in which the line of sight is known.
_TO_TEMPLE_MM, _DOWN_MM, _INTO_HEAD_MM = 1.3, -1.9, 2.5
# OpenFace places each eye by a model of its own, at the depth at which its lids are as wide as that model's
# (22 to 23 mm in most real rows, 19.8 at least), which need not be the depth of the face there.
_EYE_WIDTH_MM = 22.6
_LID_CORNERS = (8, 14)
_CORNERS = (LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS)


@dataclass(frozen=True)
class Gaze:
    """Both eyes; eye 0 is the one on the left of the image.

    ``vectors`` (2, 3): unit vectors in camera coordinates, NaN for an eye that is shut. ``eye_points_2d`` (56, 2) in
    pixels and ``eye_points_3d`` (56, 3) in mm: for each eye 8 points of the iris ring, 12 of the lids, 8 of the
    pupil ring; projecting the 3D points gives the 2D ones. As in OpenFace each eye has a depth of its own, at
    which its lids are 22.6 mm wide.
    """

    vectors: Array
    eye_points_2d: Array
    eye_points_3d: Array

    @property
    def angles(self) -> Array:
        """OpenFace's gaze_angle_x and gaze_angle_y in radians: see :func:`gaze_angles`."""
        return gaze_angles(self.vectors)


def gaze_angles(vectors: Array) -> Array:
    """atan2(x, -z) and atan2(y, -z) of the mean of gaze vectors (n, 3), in radians; vectors with NaN are left out.

    x grows to the right of the image and y downwards (formula checked on real OpenFace rows).
    """
    known = vectors[np.isfinite(vectors).all(axis=1)]
    if not len(known):
        return np.full(2, np.nan)
    x, y, z = known.mean(axis=0)
    return np.array([np.arctan2(x, -z), np.arctan2(y, -z)])


def estimate(mesh: Mesh, camera: Camera, pose: Pose, openings: Array) -> Gaze:
    """Both eyes' gaze and landmarks for a face whose pose is known.

    ``openings`` (2,) are the lids' distances over the eyes' widths.
    """
    lids = landmarks.lid_points(mesh.points[:, :2])
    eyes = [_estimate_eye(mesh, eye, lids[eye], camera, pose) for eye in (0, 1)]
    vectors, flat, solid = (np.stack(parts) for parts in zip(*eyes, strict=True))
    vectors[openings < blinks.SHUT] = np.nan
    return Gaze(vectors, flat.reshape(56, 2), solid.reshape(56, 3))


def _estimate_eye(mesh: Mesh, eye: int, lids: Array, camera: Camera, pose: Pose) -> tuple[Array, Array, Array]:
    """One eye's gaze vector (3,), 2D landmarks (28, 2) and 3D landmarks (28, 3)."""
    center_pixel, iris_ring, pupil_ring = landmarks.eye_rings(mesh.points, eye)
    eyeball = _eyeball_center(mesh, eye, camera, pose)
    iris = _on_eyeball(camera.rays(center_pixel[np.newaxis])[0], eyeball)
    vector = (iris - eyeball) / np.linalg.norm(iris - eyeball)

    lid_depths = pose.place(_model_lids()[eye])[:, 2]
    pixels = np.concatenate([iris_ring, lids, pupil_ring])
    depths = np.concatenate([np.full(8, iris[2]), lid_depths, np.full(8, iris[2])])
    solid = camera.rays(pixels) * depths[:, np.newaxis]
    width = np.linalg.norm(solid[_LID_CORNERS[1]] - solid[_LID_CORNERS[0]])
    return vector, pixels, solid * (_EYE_WIDTH_MM / width)


@cache
def _model_lids() -> Array:
    return landmarks.lid_points(canonical_face.points())


@cache
def _model_corners(eye: int) -> Array:
    return np.asarray(canonical_face.points()[list(_CORNERS[eye])].mean(axis=0))


def _eyeball_center(mesh: Mesh, eye: int, camera: Camera, pose: Pose) -> Array:
    """Anchored at the seen eye corners, which lids and iris do not move, then set back into the head."""
    first, second = _CORNERS[eye]
    model_corner = _model_corners(eye)
    seen = (mesh.points[first, :2] + mesh.points[second, :2]) / 2
    anchor = camera.rays(seen[np.newaxis])[0] * pose.place(model_corner[np.newaxis])[0, 2]
    outward = -_TO_TEMPLE_MM if eye == 0 else _TO_TEMPLE_MM
    return np.asarray(anchor + pose.rotation @ (outward, _DOWN_MM, _INTO_HEAD_MM))


def _on_eyeball(ray: Array, center: Array) -> Array:
    """Where a ray from the camera first meets the eyeball, or the eyeball's nearest point to it."""
    ray = ray / np.linalg.norm(ray)
    along = float(ray @ center)
    beside_squared = float(center @ center) - along**2
    reach_squared = _EYEBALL_RADIUS_MM**2 - beside_squared
    if reach_squared >= 0:
        return np.asarray(ray * (along - np.sqrt(reach_squared)))
    outward = ray * along - center
    return np.asarray(center + _EYEBALL_RADIUS_MM * outward / np.linalg.norm(outward))
