"""Find faces: two detectors, over the whole picture and over tiles of it, joined by suppression."""

import math
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from openface_lite import models
from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut
from openface_lite.model_facts import FULL_RANGE, SHORT_RANGE, ModelFile

# A tile smaller than this shows no more than the whole picture does.
_MIN_TILE = 160
# Sides of the tiles of each depth as shares of the picture's longer side, and how much of a tile neighbours share at
# least. The share need only be as long as the largest face that the depth before may miss, which is some twelfth of
# the picture: two tiles a side, then four, instead of three and seven that overlap by half.
_TILE_SHARES = (0.545, 0.29)
_OVERLAP = 0.15
# A box within this share of a tile's side from an inner border is taken as cut off by it.
_BORDER_SHARE = 0.01
# Around a face that fills the picture the detectors want surroundings: a square this much larger than the picture.
_MARGIN = 1.6
_IOU_LIMIT = 0.3
_CONTAINED_LIMIT = 0.6


class Detection(NamedTuple):
    """A face box with its score.

    ``box`` is left, top, right, bottom in pixels; ``keypoints`` is (6, 2) in pixels: right eye, left
    eye (the person's), nose, mouth, right ear, left ear.
    """

    box: Array
    keypoints: Array
    score: float

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    @property
    def region(self) -> Region:
        """The square the landmark network wants: 1.5 x the longer side, the eyes level."""
        center = (self.box[:2] + self.box[2:]) / 2
        across = self.keypoints[1] - self.keypoints[0]
        angle = float(np.arctan2(across[1], across[0]))
        return Region(float(center[0]), float(center[1]), 1.5 * self.size, angle)


class _Detector(NamedTuple):
    """One detector network: input side in pixels, anchor grid (stride, anchors a cell), least score."""

    model: ModelFile
    side: int
    grid: tuple[tuple[int, int], ...]
    min_score: float


_SHORT_RANGE = _Detector(SHORT_RANGE, 128, ((8, 2), (16, 6)), 0.5)
_FULL_RANGE = _Detector(FULL_RANGE, 192, ((4, 1),), 0.6)


def detect(image: Image, *, tiles: int = 0) -> list[Detection]:
    """All faces of an image, largest first.

    ``tiles`` = 1 looks again at overlapping tiles of about half the longer side (small faces), 2 also at
    tiles of about a quarter. Raises ModelsUnavailableError.
    """
    height, width = image.shape[:2]
    found = _in_whole(image, 0)
    for share in _TILE_SHARES[:tiles]:
        tile_side = share * max(width, height)
        if tile_side >= _MIN_TILE:
            for tile in _tiles(width, height, tile_side):
                seen = _in_region(image, tile, _FULL_RANGE)
                found += [d for d in seen if not _is_cut_off(d, tile, width, height)]
    return _largest_first(suppress(found))


def detect_with_margin(image: Image) -> list[Detection]:
    """All faces seen when the image is looked at with an empty margin around it, largest first."""
    return _largest_first(suppress(_in_whole(image, 0, _MARGIN)))


def detect_turned(image: Image, quarter_turns: int) -> list[Detection]:
    """All faces seen when the image is looked at turned counter-clockwise 1 to 3 quarters, largest first.

    Without tiles: a picture on its side shows its subject large, and tiles of it show false faces.
    """
    return _largest_first(suppress(_in_whole(image, quarter_turns)))


def _in_whole(image: Image, quarter_turns: int, margin: float = 1.0) -> list[Detection]:
    """Both detectors on the whole image."""
    height, width = image.shape[:2]
    whole = Region((width - 1) / 2, (height - 1) / 2, margin * max(width, height), quarter_turns * math.pi / 2)
    return _in_region(image, whole, _SHORT_RANGE) + _in_region(image, whole, _FULL_RANGE)


def _largest_first(detections: list[Detection]) -> list[Detection]:
    return sorted(detections, key=lambda detection: -detection.size)


def _in_region(image: Image, region: Region, detector: _Detector) -> list[Detection]:
    """Run one detector on one square of the image (letterboxed where the square leaves it)."""
    patch = cv2.cvtColor(cut(image, region, detector.side), cv2.COLOR_BGR2RGB)
    # Both networks want values in [-1, 1].
    boxes, scores = models.run_on_pixels(detector.model, np.asarray(patch, np.uint8), divisor=127.5, offset=-1)
    boxes = boxes[0]
    # Clipped: float32 exp overflows beyond 88, and nothing changes there.
    scores = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -80, 80)))
    kept = np.flatnonzero(scores > detector.min_score)
    return [_decode(boxes[i] / detector.side, _anchors(detector)[i], float(scores[i]), region) for i in kept]


def _decode(raw: Array, anchor: Array, score: float, region: Region) -> Detection:
    """One raw output row (centre, size, 6 key points, as shares of the input side) in image pixels."""
    center, half = raw[:2] + anchor, raw[2:4] / 2
    corners = region.to_image(np.stack([center - half, center + half]))
    keypoints = region.to_image(raw[4:].reshape(6, 2) + anchor)
    # In a turned region the corners have changed places.
    return Detection(np.concatenate([corners.min(axis=0), corners.max(axis=0)]), keypoints, score)


@cache
def _anchors(detector: _Detector) -> Array:
    """The cell centres, repeated once an anchor, as shares of the input side: (n, 2)."""
    parts = []
    for stride, per_cell in detector.grid:
        cells = detector.side // stride
        steps = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(steps, steps)
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(parts)


def _tiles(width: int, height: int, side: float) -> list[Region]:
    """Overlapping squares of ``side`` pixels that cover the image."""
    return [
        Region(x + (side - 1) / 2, y + (side - 1) / 2, side)
        for y in _tile_starts(height, side)
        for x in _tile_starts(width, side)
    ]


def _tile_starts(length: int, side: float) -> Array:
    """Where tiles begin along one axis; a single centred tile where the image is narrower than it."""
    spare = length - side
    if spare <= 0:
        return np.array([spare / 2])
    return np.linspace(0, spare, int(np.ceil(spare / (side * (1 - _OVERLAP)))) + 1)


def _is_cut_off(detection: Detection, tile: Region, width: int, height: int) -> bool:
    """True if the box reaches a border of the tile that is not a border of the picture."""
    margin = tile.size * _BORDER_SHARE
    left, top = tile.center_x - tile.size / 2 + margin, tile.center_y - tile.size / 2 + margin
    right, bottom = tile.center_x + tile.size / 2 - margin, tile.center_y + tile.size / 2 - margin
    box = detection.box
    return bool(
        (box[0] < left and left > 2 * margin)
        or (box[1] < top and top > 2 * margin)
        or (box[2] > right and right < width - 2 * margin)
        or (box[3] > bottom and bottom < height - 2 * margin)
    )


def suppress(detections: list[Detection]) -> list[Detection]:
    """Drop each box that overlaps a stronger one by IoU > 0.3 or by 0.6 of the smaller box."""
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: -detection.score):
        if not any(overlap(candidate.box, other.box) for other in kept):
            kept.append(candidate)
    return kept


def overlap(first: Array, second: Array) -> bool:
    """True if two boxes (left, top, right, bottom) show the same face."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    if (sides <= 0).any():
        return False
    shared = sides[0] * sides[1]
    area_1, area_2 = np.prod(first[2:] - first[:2]), np.prod(second[2:] - second[:2])
    iou = shared / (area_1 + area_2 - shared)
    return bool(iou > _IOU_LIMIT or shared / min(area_1, area_2) > _CONTAINED_LIMIT)
