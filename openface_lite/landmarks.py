"""OpenFace's points from the dense mesh: the 68 of the face and the 28 of each eye."""

import numpy as np

from openface_lite.arrays import Array

# The face oval from the temple on the left of the image over the chin to the other temple.
_OVAL_LEFT = np.array([127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152])
_OVAL_RIGHT = np.array([152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356])
_JAW_STEPS = 8

# The upper edges of the brows: OpenFace's five points of each divide them evenly.
_BROWS = np.array([[70, 63, 105, 66, 107], [336, 296, 334, 293, 300]])
_BROW_STEPS = 4

# The nose's ridge from between the eyes to its tip: points 27-30 divide it in thirds, as they do in every row
# of real output at hand (shares .325-.342). No mesh vertices lie there.
_RIDGE = np.array([168, 6, 197, 195, 5, 4])
_RIDGE_STEPS = 3
_NOSTRILS = np.array([240, 97, 2, 326, 460])
_EYES = np.array([33, 160, 158, 133, 153, 144, 362, 385, 386, 263, 373, 380])

# The outer edge of the lips. From a corner to the upper lip's peak OpenFace has one point midway (49, 53); along
# the lower lip from corner to corner five (55-59).
_UPPER_LIP_LEFT = np.array([61, 185, 40, 39, 37])
_UPPER_LIP_RIGHT = np.array([291, 409, 270, 269, 267])
_LOWER_LIP = np.array([291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61])
_LOWER_LIP_STEPS = 6
_CORNERS = (61, 291)
_CUPID_BOW = np.array([37, 0, 267])
_INNER_LIPS = np.array([78, 82, 13, 312, 308, 317, 14, 87])

# The lid edges of each eye from its left corner to its right corner, as seen in the image.
_LIDS = np.array(
    [
        ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
        ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
    ]
)
_LID_STEPS = 6
_IRIS_START = (468, 473)

# The pupil ring of OpenFace's eye model against its iris ring: 2.7 mm to 6.2 mm in real output.
PUPIL_SHARE = 0.43
# Real output starts the iris ring at the left and goes up; the pupil ring starts at the lower left and
# goes down (radians on screen, clockwise from the right, y down).
_IRIS_ANGLES = np.radians(180 + 45 * np.arange(8))
_PUPIL_ANGLES = np.radians(135 - 45 * np.arange(8))


def face_points(points: Array) -> Array:
    """The 68 face points from (468+, n) mesh points; keeps the unit and the number of columns."""
    jaw_left = _divide(points[_OVAL_LEFT], _JAW_STEPS)
    jaw_right = _divide(points[_OVAL_RIGHT], _JAW_STEPS)
    brows = [_divide(points[line], _BROW_STEPS) for line in _BROWS]
    ridge = _divide(points[_RIDGE], _RIDGE_STEPS)
    return np.concatenate([jaw_left, jaw_right[1:], *brows, ridge, points[_NOSTRILS], points[_EYES], _lips(points)])


def _lips(points: Array) -> Array:
    """Points 48-67: the outer edge from the corner on the left of the image over the top and back, then the inner."""
    left, right = (points[[corner]] for corner in _CORNERS)
    left_middle, right_middle = (_divide(points[line], 2)[1:2] for line in (_UPPER_LIP_LEFT, _UPPER_LIP_RIGHT))
    lower = _divide(points[_LOWER_LIP], _LOWER_LIP_STEPS)[1:-1]
    upper = [left, left_middle, points[_CUPID_BOW], right_middle, right]
    return np.concatenate([*upper, lower, points[_INNER_LIPS]])


def lid_points(points: Array, eye: int) -> Array:
    """The 12 lid points of eye 0 (left of the image) or 1: from the left corner over the top and back."""
    upper, lower = (_divide(points[line], _LID_STEPS) for line in _LIDS[eye])
    return np.concatenate([upper, lower[-2:0:-1]])


def eye_rings(points: Array, eye: int) -> tuple[Array, Array, Array]:
    """The iris of an eye from (478, 2+) mesh points: its centre (2,), its ring (8, 2) and the pupil's (8, 2).

    The pupil itself is not seen by the network: its ring is the iris ring made smaller.
    """
    start = _IRIS_START[eye]
    center, left, top, right, bottom = points[start : start + 5, :2]
    half_width, half_height = (right - left) / 2, (bottom - top) / 2
    middle = (left + top + right + bottom) / 4

    def ring(angles: Array, share: float) -> Array:
        axes = np.outer(np.cos(angles), half_width) + np.outer(np.sin(angles), half_height)
        return np.asarray(middle + share * axes)

    return center, ring(_IRIS_ANGLES, 1.0), ring(_PUPIL_ANGLES, PUPIL_SHARE)


def _divide(line: Array, steps: int) -> Array:
    """``steps`` + 1 points equally far apart along a line, measured in its x and y."""
    moves = np.diff(line, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(moves[:, 0], moves[:, 1]))])
    wanted = np.linspace(0, along[-1], steps + 1)
    # Where each wanted point lies in the line, in whole and broken segments.
    place = np.interp(wanted, along, np.arange(len(line)))
    segment = np.minimum(place.astype(int), len(moves) - 1)
    return np.asarray(line[segment] + (place - segment)[:, np.newaxis] * moves[segment])
