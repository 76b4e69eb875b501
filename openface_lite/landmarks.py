"""OpenFace's points from the dense mesh: the 68 of the face and the 28 of each eye."""

import numpy as np

from openface_lite.arrays import Array

# Lines of mesh points that OpenFace's points divide evenly, and into how many parts.
# The face oval from the temple on the left of the image over the chin to the other temple.
_OVAL_LEFT = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
_OVAL_RIGHT = (152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
# The upper edges of the brows.
_BROW_LEFT = (70, 63, 105, 66, 107)
_BROW_RIGHT = (336, 296, 334, 293, 300)
# The nose's ridge from between the eyes to its tip: points 27-30 divide it in thirds, as they do in every row
# of real output at hand (shares .325-.342). No mesh vertices lie there.
_RIDGE = (168, 6, 197, 195, 5, 4)
# The outer edge of the lips. From a corner to the upper lip's peak OpenFace has one point midway (49, 53); along
# the lower lip from corner to corner five (55-59).
_UPPER_LIP_LEFT = (61, 185, 40, 39, 37)
_UPPER_LIP_RIGHT = (291, 409, 270, 269, 267)
_LOWER_LIP = (291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61)

_NOSTRILS = np.array([240, 97, 2, 326, 460])
_EYES = np.array([33, 160, 158, 133, 153, 144, 362, 385, 386, 263, 373, 380])
_CORNERS = np.array([61, 291])
_CUPID_BOW = np.array([37, 0, 267])
_INNER_LIPS = np.array([78, 82, 13, 312, 308, 317, 14, 87])

# The lid edges of each eye from its left corner to its right corner, as seen in the image: upper, then lower.
_LIDS_LEFT = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
_LIDS_RIGHT = ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263))
_IRIS_START = 468

# The pupil ring of OpenFace's eye model against its iris ring: 2.7 mm to 6.2 mm in real output.
PUPIL_SHARE = 0.43


def _ring(start: int, step: int) -> Array:
    """Eight points (8, 2) of the unit circle by degrees on screen: clockwise from the right, y down."""
    angles = np.radians(start + step * np.arange(8))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


# Real output starts the iris ring at the left and goes up; the pupil ring starts at the lower left and goes down.
_IRIS_RING = _ring(180, 45)
_PUPIL_RING = PUPIL_SHARE * _ring(135, -45)


class _Lines:
    """Polylines through mesh points, each divided into parts of equal length."""

    def __init__(self, *lines: tuple[tuple[int, ...], int]) -> None:
        longest = max(len(points) for points, _ in lines)
        most = max(parts for _, parts in lines)
        # Short lines are made longer by repeating their last point: a segment without length takes no part.
        self._points = np.array([points + points[-1:] * (longest - len(points)) for points, _ in lines])
        self._shares = np.array([np.minimum(np.arange(most + 1) / parts, 1) for _, parts in lines])
        self._rows = np.arange(len(lines))[:, np.newaxis]
        self._counts = [parts + 1 for _, parts in lines]

    def divide(self, points: Array) -> list[Array]:
        """For each line its ends and the points between, equally far apart in x and y: (parts + 1, n) each."""
        corners = points[self._points]
        moves = corners[:, 1:] - corners[:, :-1]
        lengths = np.sqrt(moves[..., 0] ** 2 + moves[..., 1] ** 2)
        ends = np.cumsum(lengths, axis=1)
        wanted = self._shares * ends[:, -1:]
        # The first segment that ends at or beyond the wanted length, and how far along it that is.
        segment = (ends[:, np.newaxis, :-1] < wanted[..., np.newaxis]).sum(axis=2)
        length = lengths[self._rows, segment]
        along = 1 - (ends[self._rows, segment] - wanted) / np.where(length > 0, length, 1)
        found = corners[self._rows, segment] + along[..., np.newaxis] * moves[self._rows, segment]
        return [line[:count] for line, count in zip(found, self._counts, strict=True)]


_FACE_LINES = _Lines(
    *((_OVAL_LEFT, 8), (_OVAL_RIGHT, 8), (_BROW_LEFT, 4), (_BROW_RIGHT, 4), (_RIDGE, 3)),
    *((_UPPER_LIP_LEFT, 2), (_UPPER_LIP_RIGHT, 2), (_LOWER_LIP, 6)),
)
_LID_LINES = _Lines(*((line, 6) for line in (*_LIDS_LEFT, *_LIDS_RIGHT)))


def face_points(points: Array) -> Array:
    """The 68 face points from (468+, n) mesh points; keeps the unit and the number of columns."""
    jaw_left, jaw_right, brow_left, brow_right, ridge, lip_left, lip_right, lower_lip = _FACE_LINES.divide(points)
    left, right = points[_CORNERS[:1]], points[_CORNERS[1:]]
    return np.concatenate(
        [
            *(jaw_left, jaw_right[1:], brow_left, brow_right, ridge, points[_NOSTRILS], points[_EYES]),
            *(left, lip_left[1:2], points[_CUPID_BOW], lip_right[1:2], right, lower_lip[1:-1], points[_INNER_LIPS]),
        ]
    )


def lid_points(points: Array) -> Array:
    """The 12 lid points (2, 12, n) of both eyes, the left of the image first: from its left corner over the top."""
    upper_left, lower_left, upper_right, lower_right = _LID_LINES.divide(points)
    eyes = ((upper_left, lower_left), (upper_right, lower_right))
    return np.stack([np.concatenate([upper, lower[-2:0:-1]]) for upper, lower in eyes])


def eye_rings(points: Array) -> tuple[Array, Array, Array]:
    """The irises of both eyes from (478, 2+) mesh points: centres (2, 2), rings (2, 8, 2) and the pupils' (2, 8, 2).

    The pupil itself is not seen by the network: its ring is the iris ring made smaller.
    """
    center, left, top, right, bottom = points[_IRIS_START:, :2].reshape(2, 5, 2).transpose(1, 0, 2)
    axes = np.stack([right - left, bottom - top], axis=1) / 2
    middle = ((left + top + right + bottom) / 4)[:, np.newaxis]
    return center, middle + _IRIS_RING @ axes, middle + _PUPIL_RING @ axes
