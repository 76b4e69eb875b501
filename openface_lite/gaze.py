"""Where the eyes look, and OpenFace's eye landmarks in two and three dimensions.

A gaze is the direction of the head plus the eye's own rotation in it: the eyeball is placed by the head pose, and the
iris is looked for on it. People who look into the lens are measured to look there within some 5 degrees; which way a
given person's eyes are set is not known, and shifts all gazes of that person alike.
"""

import math
from functools import cache
from typing import NamedTuple

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
_CORNERS = np.array([LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS])


class Gaze(NamedTuple):
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
    centers, iris_rings, pupil_rings = landmarks.eye_rings(mesh.points)
    eyeballs = _eyeballs(mesh, camera, pose)
    irises = np.stack([_on_eyeball(*each) for each in zip(camera.rays(centers), eyeballs, strict=True)])
    vectors = irises - eyeballs
    vectors /= _lengths(vectors)[:, np.newaxis]
    vectors[openings < blinks.SHUT] = np.nan

    pixels = np.concatenate([iris_rings, landmarks.lid_points(mesh.points[:, :2]), pupil_rings], axis=1)
    ring_depths = np.repeat(irises[:, 2:], 8, axis=1)
    lid_depths = pose.place(_model_lids())[:, 2].reshape(2, 12)
    depths = np.concatenate([ring_depths, lid_depths, ring_depths], axis=1)
    flat = pixels.reshape(56, 2)
    solid = (camera.rays(flat) * depths.reshape(56, 1)).reshape(2, 28, 3)
    widths = _lengths(solid[:, _LID_CORNERS[1]] - solid[:, _LID_CORNERS[0]])
    solid *= (_EYE_WIDTH_MM / widths)[:, np.newaxis, np.newaxis]
    return Gaze(vectors, flat, solid.reshape(56, 3))


def _lengths(vectors: Array) -> Array:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=1)))


@cache
def _model_lids() -> Array:
    """The lids of both eyes (24, 3)."""
    return landmarks.lid_points(canonical_face.points()).reshape(24, 3)


@cache
def _model_corners() -> Array:
    """The middles (2, 3) of the eyes' corners."""
    return np.asarray(canonical_face.points()[_CORNERS].mean(axis=1))


def _eyeballs(mesh: Mesh, camera: Camera, pose: Pose) -> Array:
    """The eyeballs' centres (2, 3): from the eye corners, which lids and iris do not move, set back into the head."""
    seen = mesh.points[_CORNERS, :2].mean(axis=1)
    anchors = camera.rays(seen) * pose.place(_model_corners())[:, 2:]
    outward = np.array([(-_TO_TEMPLE_MM, _DOWN_MM, _INTO_HEAD_MM), (_TO_TEMPLE_MM, _DOWN_MM, _INTO_HEAD_MM)])
    return np.asarray(anchors + outward @ pose.rotation.T)


def _on_eyeball(ray: Array, center: Array) -> Array:
    """Where a ray from the camera first meets the eyeball, or the eyeball's nearest point to it."""
    ray = ray / math.sqrt(ray @ ray)
    along = float(ray @ center)
    beside_squared = float(center @ center) - along**2
    reach_squared = _EYEBALL_RADIUS_MM**2 - beside_squared
    if reach_squared >= 0:
        return np.asarray(ray * (along - math.sqrt(reach_squared)))
    outward = ray * along - center
    return np.asarray(center + _EYEBALL_RADIUS_MM * outward / math.sqrt(outward @ outward))
