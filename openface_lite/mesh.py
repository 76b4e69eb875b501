"""The dense face: 468 mesh points with depth, 2 x 5 iris points, and how surely there is a face."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from openface_lite import landmarks, models
from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut

# Outer and inner eye corner on the left of the image (the person's right eye), then on its right.
LEFT_EYE_CORNERS = (33, 133)
RIGHT_EYE_CORNERS = (362, 263)

_MESH_SIDE = 192
_IRIS_SIDE = 64
_FACE_MARGIN = 1.5
_EYE_MARGIN = 2.3

# Fits the right way up had logits of 15 to 39 in photos turned by 0 to 360 degrees, fits of the same faces
# upside down or on their side below 9.
SURE_LOGIT = 12.0
_OTHER_TURNS = (math.pi, math.pi / 2, -math.pi / 2)


@dataclass(frozen=True)
class Mesh:
    """One face's points.

    ``points`` is (478, 3) in image pixels: x, y, and depth in the same scale, smaller towards the
    camera. 468-472 are the iris of the eye on the left of the image (centre, then its ring: left,
    top, right, bottom as seen in an upright face), 473-477 the other. ``logit`` is that of the presence.
    """

    points: Array
    logit: float

    @property
    def presence(self) -> float:
        """How surely there is a face, 0 to 1."""
        return 1 / (1 + math.exp(-min(max(self.logit, -80.0), 80.0)))

    @property
    def box(self) -> Array:
        """Left, top, right, bottom of the 468 points in pixels."""
        flat = self.points[:468, :2]
        return np.concatenate([flat.min(axis=0), flat.max(axis=0)])

    @cached_property
    def face_points(self) -> Array:
        """OpenFace's 68 face points (68, 3), in the unit of ``points``."""
        return landmarks.face_points(self.points)

    @property
    def region(self) -> Region:
        """The square in which to look for the same face again: 1.5 x its extent, the eyes level."""
        return _face_region(self.points)


def fit(image: Image, region: Region, *, min_logit: float) -> Mesh | None:
    """Fit the mesh once inside a region, as for a face tracked from the previous frame.

    None where the presence's logit is below ``min_logit``. Raises ModelsUnavailableError.
    """
    points, logit = _fit_once(image, region)
    return _with_irises(image, points, logit) if logit >= min_logit else None


def fit_afresh(image: Image, region: Region, *, min_logit: float) -> Mesh | None:
    """Fit the mesh around a fresh detection; None where the presence's logit stays below ``min_logit``.

    Twice, the second time in the region of the first. The detectors take many faces for upright that are not,
    and the network fits those as well: unless it is sure the region's other three turns are tried, and a sure
    one is taken. Raises ModelsUnavailableError.
    """
    points, logit = _fit_once(image, region)
    if logit < SURE_LOGIT:
        turned = [_fit_once(image, replace(region, angle=region.angle + turn)) for turn in _OTHER_TURNS]
        best = max(turned, key=lambda fitted: fitted[1])
        points, logit = best if best[1] >= SURE_LOGIT else (points, logit)
    if logit < min_logit:
        return None
    # The least presence counts: a passing resemblance does not survive a second look from elsewhere.
    points, second_logit = _fit_once(image, _face_region(points))
    logit = min(logit, second_logit)
    return _with_irises(image, points, logit) if logit >= min_logit else None


def _with_irises(image: Image, points: Array, logit: float) -> Mesh:
    irises = [_iris(image, points, LEFT_EYE_CORNERS, True), _iris(image, points, RIGHT_EYE_CORNERS, False)]
    return Mesh(np.concatenate([points, *irises]), logit)


def _fit_once(image: Image, region: Region) -> tuple[Array, float]:
    """The (468, 3) points and the logit of the presence."""
    points, logit = models.run(models.FACE_MESH, cut(image, region, _MESH_SIDE), divisor=255)
    return region.to_image(points.reshape(468, 3) / _MESH_SIDE), logit.item()


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
    output = models.run(models.IRIS, patch, divisor=255)[1]
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
