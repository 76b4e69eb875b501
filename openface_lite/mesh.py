"""The dense face: 468 mesh points with depth, 2 x 5 iris points, and how surely there is a face."""

from dataclasses import dataclass

import numpy as np

from openface_lite import models
from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut

# Outer and inner eye corner on the left of the image (the person's right eye), then on its right.
LEFT_EYE_CORNERS = (33, 133)
RIGHT_EYE_CORNERS = (362, 263)

_MESH_SIDE = 192
_IRIS_SIDE = 64
_FACE_MARGIN = 1.5
_EYE_MARGIN = 2.3


@dataclass(frozen=True)
class Mesh:
    """One face's points.

    ``points`` is (478, 3) in image pixels: x, y, and depth in the same scale, smaller towards the
    camera. 468-472 are the iris of the eye on the left of the image (centre, then its ring: left,
    top, right, bottom as seen in an upright face), 473-477 the other. ``presence`` is 0 to 1.
    """

    points: Array
    presence: float

    @property
    def box(self) -> Array:
        """Left, top, right, bottom of the 468 points in pixels."""
        flat = self.points[:468, :2]
        return np.concatenate([flat.min(axis=0), flat.max(axis=0)])

    @property
    def region(self) -> Region:
        """The square in which to look for the same face again: 1.5 x its extent, the eyes level."""
        return _face_region(self.points)


def fit(image: Image, region: Region, *, passes: int) -> Mesh:
    """Fit the mesh inside a region; each further pass starts from the region of the one before.

    Two passes for a fresh detection, one for a face tracked from the previous frame. The points mean
    nothing where ``presence`` is low. Raises ModelsUnavailableError.
    """
    points, presence = _fit_once(image, region)
    for _ in range(passes - 1):
        # The least presence counts: a passing resemblance does not survive a second look from elsewhere.
        points, next_presence = _fit_once(image, _face_region(points))
        presence = min(presence, next_presence)
    irises = [_iris(image, points, LEFT_EYE_CORNERS, True), _iris(image, points, RIGHT_EYE_CORNERS, False)]
    return Mesh(np.concatenate([points, *irises]), presence)


def _fit_once(image: Image, region: Region) -> tuple[Array, float]:
    patch = cut(image, region, _MESH_SIDE)
    points, presence = models.run(models.FACE_MESH, _zero_to_one(patch))
    unit = points.reshape(468, 3) / _MESH_SIDE
    return region.to_image(unit), float(1 / (1 + np.exp(-np.clip(presence.item(), -80, 80))))


def _zero_to_one(patch: Image) -> Array:
    return patch[:, :, ::-1].astype(np.float32) / np.float32(255)


def _eye_line_angle(points: Array) -> float:
    across = points[RIGHT_EYE_CORNERS[1], :2] - points[LEFT_EYE_CORNERS[0], :2]
    return float(np.arctan2(across[1], across[0]))


def _face_region(points: Array) -> Region:
    """The extent is taken along the face's own axes, so that a tilted face keeps its size."""
    angle = _eye_line_angle(points)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    level = points[:468, :2] @ turn.T
    low, high = level.min(axis=0), level.max(axis=0)
    center = turn.T @ ((low + high) / 2)
    return Region(float(center[0]), float(center[1]), _FACE_MARGIN * float((high - low).max()), angle)


def _iris(image: Image, points: Array, corners: tuple[int, int], mirrored: bool) -> Array:
    """The (5, 3) iris points of one eye. The network knows the person's left eye; the other is mirrored."""
    first, second = points[corners[0], :2], points[corners[1], :2]
    center, width = (first + second) / 2, float(np.linalg.norm(second - first))
    region = Region(float(center[0]), float(center[1]), _EYE_MARGIN * width, _eye_line_angle(points))
    patch = cut(image, region, _IRIS_SIDE, mirrored=mirrored)
    output = models.run(models.IRIS, _zero_to_one(patch))[1]
    unit = output.reshape(5, 3) / _IRIS_SIDE
    # The network's ring goes right, top, left, bottom; mirroring brings it into our order by itself.
    if mirrored:
        unit[:, 0] = 1 - unit[:, 0]
    else:
        unit = unit[[0, 3, 2, 1, 4]]
    placed = region.to_image(unit)
    # The network's depth is relative to its own patch; the eye's corners say where that is.
    placed[:, 2] = points[list(corners), 2].mean()
    return placed
