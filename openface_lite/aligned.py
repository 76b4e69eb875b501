"""Aligned face crops: each face turned level, at one scale, in a small picture of its own, as OpenFace draws them."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from openface_lite import canonical_face, pose
from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut
from openface_lite.face import Face
from openface_lite.pictures import Picture

# OpenFace's defaults (-simsize, -simscale): side in pixels, and pixels a millimetre of the face.
SIDE: Final = 112
_SCALE: Final = 0.7
# Of the 68 points those that expressions hardly move: upper jaw, ridge and wings of the nose, corners and lower lids.
_RIGID: Final = np.array([1, 2, 3, 4, 12, 13, 14, 15, 27, 28, 29, 31, 32, 33, 34, 35, 36, 39, 40, 41, 42, 45, 46, 47])
# The outline of a face ends at its brows; these points are raised to show the forehead too.
_RAISED: Final = np.array([0, 16, *range(17, 27)])
_RAISED_BY_MM: Final = 30 / 0.7


def aligned_face(picture: Picture, face: Face) -> Image:
    """The face as a (112, 112, 3) BGR crop, black around it.

    The similarity transform of least squares brings the face's rigid points onto those of the canonical face, seen
    from the front; the middle of the 68 points is the middle of the crop.
    """
    region = _region(face.landmarks_2d)
    crop = cut(picture.pixels, _reduced(region, picture), SIDE)
    return np.asarray(cv2.bitwise_and(crop, crop, mask=_mask(_in_crop(face.landmarks_2d, region))), dtype=np.uint8)


def _region(landmarks: Array) -> Region:
    """The square of the picture, in full-size pixels, that the crop shows."""
    scale, rotation, _ = pose.similarity(_model()[_RIGID], landmarks[_RIGID])
    angle = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    # The crop's middle lies between its pixels 55 and 56, and OpenFace puts the face's middle on pixel 56.
    x, y = landmarks.mean(axis=0) - scale * rotation @ (0.5, 0.5)
    return Region(float(x), float(y), SIDE * scale, angle)


def _reduced(region: Region, picture: Picture) -> Region:
    """The region in the pixels that a very large picture is reduced to."""
    if not picture.is_reduced:
        return region
    share = picture.pixels.shape[1] / picture.width
    x, y = (share * (place + 0.5) - 0.5 for place in (region.center_x, region.center_y))
    return Region(x, y, region.size * share, region.angle)


def _in_crop(landmarks: Array, region: Region) -> Array:
    """Points (n, 2) in pixels of the crop."""
    cos, sin = np.cos(region.angle), np.sin(region.angle)
    level = (landmarks - (region.center_x, region.center_y)) @ np.array([[cos, -sin], [sin, cos]])
    return np.asarray(level * (SIDE / region.size) + (SIDE - 1) / 2)


def _mask(points: Array) -> Image:
    outline = points.copy()
    outline[_RAISED, 1] -= _RAISED_BY_MM * _SCALE
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline.round().astype(np.int32)), 255)
    return mask


@lru_cache(maxsize=1)
def _model() -> Array:
    """The canonical face's 68 points (68, 2) from the front, in pixels of a crop around its middle."""
    points = canonical_face.face_points()[:, :2]
    return np.asarray(_SCALE * (points - points.mean(axis=0)))
