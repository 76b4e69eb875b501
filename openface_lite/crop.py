"""Cut a rotated square out of an image for a network, and carry points back."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from openface_lite.arrays import Array, Image

# Shrink with area averaging first when a region is reduced by more than this; bilinear sampling alone
# would skip pixels and make the landmarks jitter.
_MAX_BILINEAR_REDUCTION = 2.0
_LEAST_EXACT_REDUCTION = 1.5


class Region(NamedTuple):
    """A square of ``size`` pixels around a centre, turned by ``angle`` radians (clockwise on screen)."""

    center_x: float
    center_y: float
    size: float
    angle: float = 0.0

    @property
    def reach(self) -> float:
        """Half the side of the upright square around the region."""
        return self.size / 2 * (abs(math.cos(self.angle)) + abs(math.sin(self.angle)))

    def to_image(self, points: Array) -> Array:
        """Carry (n, 2+) points from the unit square of the region to image pixels.

        Columns beyond y (depth) are scaled by the size only. Pixel centres lie at whole numbers.
        """
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        local = (points[:, :2] - 0.5) * self.size
        placed = np.array(points, dtype=np.float64)
        placed[:, 0] = self.center_x + cos * local[:, 0] - sin * local[:, 1]
        placed[:, 1] = self.center_y + sin * local[:, 0] + cos * local[:, 1]
        placed[:, 2:] *= self.size
        return placed


def cut(image: Image, region: Region, side: int, *, outside: tuple[int, int, int] = (0, 0, 0)) -> Image:
    """The region as a (side, side, 3) image; what lies outside the picture has the value ``outside``."""
    source, offset, reduction = _reduced_surroundings(image, region, side)
    # From patch pixels to image pixels: centre the patch, scale, turn, move.
    scale = region.size / side
    cos, sin = scale * math.cos(region.angle), scale * math.sin(region.angle)
    middle = (side - 1) / 2
    placed = np.array(
        [
            [cos, -sin, region.center_x - cos * middle + sin * middle],
            [sin, cos, region.center_y - sin * middle - cos * middle],
        ]
    )
    placed[:, 2] -= offset
    # Halving an image moves pixel centres: i covers the source pixels around (i + 0.5) * n - 0.5.
    placed /= reduction[:, np.newaxis]
    placed[:, 2] += 0.5 / reduction - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(source, placed, (side, side), flags=flags, borderValue=outside)
    return np.asarray(patch, dtype=np.uint8)


def _reduced_surroundings(image: Image, region: Region, side: int) -> tuple[Image, Array, Array]:
    """The part of the image around the region, shrunk where the region is far larger than the patch.

    Cropping comes first: shrinking a whole 1080p frame for one face costs several times more. Returns the
    part, its offset in the image (x, y), and by how much it was shrunk in x and y.
    """
    factor = region.size / side
    if factor <= _MAX_BILINEAR_REDUCTION:
        return image, np.zeros(2), np.ones(2)
    # A pixel of the patch more.
    reach = region.reach + factor
    height, width = image.shape[:2]
    left, right = _clip(region.center_x - reach, width), _clip(region.center_x + reach + 1, width)
    top, bottom = _clip(region.center_y - reach, height), _clip(region.center_y + reach + 1, height)
    # By a power of two first, which is many times as fast; much of the way is left to the exact second step, since
    # two steps blur.
    fast = 2 ** max(0, int(math.log2(factor / _LEAST_EXACT_REDUCTION)))
    across, down = ((length // fast) * fast for length in (right - left, bottom - top))
    if across <= 0 or down <= 0:
        return image, np.zeros(2), np.ones(2)
    part = image[top : top + down, left : left + across]
    if fast > 1:
        part = _shrunk(part, across // fast, down // fast)
    small = _shrunk(part, max(1, round(across / factor)), max(1, round(down / factor)))
    return small, np.array([left, top]), np.array([across / small.shape[1], down / small.shape[0]])


def _shrunk(image: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _clip(value: float, upper: int) -> int:
    return int(min(max(value, 0), upper))
