"""The dense face: 468 mesh points with depth, 2 x 5 iris points, and how surely there is a face."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from openface_lite import landmarks, models
from openface_lite.arrays import Array
from openface_lite.crop import Region
from openface_lite.model_facts import LANDMARKS
from openface_lite.pictures import Picture

# Outer and inner eye corner on the left of the image (the person's right eye), then on its right.
LEFT_EYE_CORNERS = (33, 133)
RIGHT_EYE_CORNERS = (362, 263)

POINTS = 478
_FACE_POINTS = 468
_SIDE = 256
# Lids and lips.
_LEFT_EYE = np.array([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7])
_RIGHT_EYE = np.array([263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249])
_MOUTH = np.array([61, 291, 0, 17, 13, 14, 78, 308, 81, 311, 178, 402])
# A side of a face is where its outermost points lie in the mean.
_OUTERMOST = 40
_NEARLY_LONGER = 8
# From there to a square of 1.5 x the face's longer side, in the mean over faces.
_FACE_MARGIN = 1.88
# The network gives an iris as centre, right, top, left, bottom; ours go centre, left, top, right, bottom.
_ORDER = np.concatenate([np.arange(_FACE_POINTS), 468 + np.array([0, 3, 2, 1, 4]), 473 + np.array([0, 3, 2, 1, 4])])

# Fits the right way up had logits of 13 to 26 in photos, fits of the same faces upside down or on their side
# below 12.
SURE_LOGIT = 12.0
_OTHER_TURNS = (math.pi, math.pi / 2, -math.pi / 2)
# Of drawn faces turned aside by 60 degrees 5 of 10 were found in upright regions and 8 with tilted ones too, by 67
# degrees none and 3 (benchmarks.profiles); tilts of 35 and 45 degrees found no more.
_TILTS = (math.radians(25), math.radians(-25))
# A fit hangs on the square it looks into, and the square of the next look on the fit. Around a fresh detection the
# looks are repeated until it hardly moves: each brings fits from different boxes some three times closer together.
_LEAST_LOOKS, _MOST_LOOKS = 3, 6
_SETTLED = 2e-3


@dataclass(frozen=True)
class Mesh:
    """One face's points.

    ``points`` is (478, 3) in image pixels: x, y, and depth in the same scale, smaller towards the
    camera. 468-472 are the iris of the eye on the left of the image (centre, then its ring: left,
    top, right, bottom as seen in an upright face), 473-477 the other. ``logit`` is that of the presence.
    ``tilt`` is the angle in radians by which the region was turned in which the face was seen.
    """

    points: Array
    logit: float
    tilt: float = 0.0

    @property
    def presence(self) -> float:
        """How surely there is a face, 0 to 1."""
        return 1 / (1 + math.exp(-min(max(self.logit, -80.0), 80.0)))

    @property
    def box(self) -> Array:
        """Left, top, right, bottom of the 468 points in pixels."""
        flat = self.points[:_FACE_POINTS, :2]
        return np.concatenate([flat.min(axis=0), flat.max(axis=0)])

    @cached_property
    def face_points(self) -> Array:
        """OpenFace's 68 face points (68, 3), in the unit of ``points``."""
        return landmarks.face_points(self.points)


def fit(picture: Picture, before: Mesh, *, min_logit: float) -> Mesh | None:
    """Fit the mesh once where it was in the frame before; a face seen in a tilted region first in an upright one.

    None where the presence's logit is below ``min_logit``. Raises ModelsUnavailableError.
    """
    for tilt in dict.fromkeys((0.0, before.tilt)):
        points, logit = _fit_once(picture, _face_region(before.points, tilt))
        if logit >= min_logit:
            return Mesh(points, logit, tilt)
    return None


def fit_afresh(picture: Picture, region: Region, *, min_logit: float) -> Mesh | None:
    """Fit the mesh around a fresh detection; None where the presence's logit falls below ``min_logit``.

    The detectors take many faces for upright that are not, and the network fits those as well: unless it is sure, the
    region's other three turns are tried, and a sure one is taken. A face that is turned far aside may show in a tilted
    region only. Raises ModelsUnavailableError.
    """
    points, logit = _fit_once(picture, region)
    if logit < SURE_LOGIT:
        turned = [_fit_once(picture, region._replace(angle=region.angle + turn)) for turn in _OTHER_TURNS]
        best = max(turned, key=lambda fitted: fitted[1])
        points, logit = best if best[1] >= SURE_LOGIT else (points, logit)
    upright = _refined(picture, Mesh(points, logit), min_logit)
    if upright:
        return upright
    tilted = [_fit_tilted(picture, region, tilt, min_logit) for tilt in _TILTS]
    return max((mesh for mesh in tilted if mesh), key=lambda mesh: mesh.logit, default=None)


def _fit_tilted(picture: Picture, region: Region, tilt: float, min_logit: float) -> Mesh | None:
    points, logit = _fit_once(picture, region._replace(angle=region.angle + tilt))
    return _refined(picture, Mesh(points, logit, tilt), min_logit)


def _refined(picture: Picture, first: Mesh, min_logit: float) -> Mesh | None:
    """Repeat a fit in the region of the last one, so that the box's place and size no longer show in the points."""
    points, logit = first.points, first.logit
    before = _face_region(points, first.tilt)
    for look in range(2, _MOST_LOOKS + 1):
        # The least presence counts: a passing resemblance does not survive a second look from elsewhere.
        if logit < min_logit:
            return None
        points, next_logit = _fit_once(picture, before)
        logit = min(logit, next_logit)
        region = _face_region(points, first.tilt)
        if look >= _LEAST_LOOKS and _apart(before, region) < _SETTLED:
            break
        before = region
    return Mesh(points, logit, first.tilt) if logit >= min_logit else None


def _apart(one: Region, other: Region) -> float:
    """How far two squares lie apart, as a share of their size or in radians, whichever is more."""
    moved = math.hypot(one.center_x - other.center_x, one.center_y - other.center_y) / one.size
    return max(moved, abs(math.log(other.size / one.size)), abs(other.angle - one.angle))


def _fit_once(picture: Picture, region: Region) -> tuple[Array, float]:
    """The (478, 3) points and the logit of the presence."""
    points, logit, _ = models.run_on_pixels(LANDMARKS, picture.rgb(region, _SIDE), divisor=255)
    return region.to_image(points.reshape(POINTS, 3)[_ORDER] / _SIDE), logit.item()


def _face_region(points: Array, tilt: float) -> Region:
    """The square in which to look for a face, 1.5 x its extent, along the face's own axes but for a ``tilt``.

    Every part of it is a mean over many points: a look at the same face from a slightly different square then gives
    nearly the same next one.
    """
    angle = _face_angle(points)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    level = np.sort(points[:_FACE_POINTS, :2] @ turn.T, axis=0)
    low, high = level[:_OUTERMOST].mean(axis=0), level[-_OUTERMOST:].mean(axis=0)
    center = (low + high) / 2 @ turn
    # Nearly the longer side, without a corner where width and height are equal.
    size = float(((high - low) ** _NEARLY_LONGER).sum() ** (1 / _NEARLY_LONGER))
    return Region(float(center[0]), float(center[1]), _FACE_MARGIN * size, angle + tilt)


def _face_angle(points: Array) -> float:
    """How far a face is turned in the picture, by the line through its eyes and the line down to its mouth.

    In a face that is turned aside the first is short, in one that looks down the second.
    """
    left, right, mouth = (points[group, :2].mean(axis=0) for group in (_LEFT_EYE, _RIGHT_EYE, _MOUTH))
    across, down = right - left, mouth - (left + right) / 2
    return math.atan2(across[1] - down[0], across[0] + down[1])
