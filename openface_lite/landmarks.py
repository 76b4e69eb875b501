"""OpenFace's points from the dense mesh: the 68 of the face and the 28 of each eye."""

import numpy as np

from openface_lite.arrays import Array
from openface_lite.mesh import Mesh

# The face oval from the temple on the left of the image over the chin to the other temple.
_OVAL_LEFT = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
_OVAL_RIGHT = (152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
_JAW_STEPS = 8

# Points 17-67: brows, nose, eyes, outer lips, inner lips. fmt keeps OpenFace's groups on their lines.
# fmt: off
_INNER_POINTS = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 195, 4, 59, 97, 2, 326, 289,
    33, 160, 158, 133, 153, 144, 362, 385, 386, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,
    78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on

# The lid edges of each eye from its left corner to its right corner, as seen in the image.
_LIDS = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
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
    jaw_left = _resample(points[list(_OVAL_LEFT)], _JAW_STEPS)
    jaw_right = _resample(points[list(_OVAL_RIGHT)], _JAW_STEPS)
    return np.concatenate([jaw_left, jaw_right[1:], points[list(_INNER_POINTS)]])


def lid_points(points: Array, eye: int) -> Array:
    """The 12 lid points of eye 0 (left of the image) or 1: from the left corner over the top and back."""
    upper, lower = (_resample(points[list(line)], _LID_STEPS) for line in _LIDS[eye])
    return np.concatenate([upper, lower[-2:0:-1]])


def eye_rings(mesh: Mesh, eye: int) -> tuple[Array, Array, Array]:
    """The iris of an eye in pixels: its centre (2,), its ring (8, 2) and the pupil's ring (8, 2).

    The pupil itself is not seen by the network: its ring is the iris ring made smaller.
    """
    start = _IRIS_START[eye]
    center, left, top, right, bottom = mesh.points[start : start + 5, :2]
    half_width, half_height = (right - left) / 2, (bottom - top) / 2
    middle = (left + top + right + bottom) / 4

    def ring(angles: Array, share: float) -> Array:
        axes = np.outer(np.cos(angles), half_width) + np.outer(np.sin(angles), half_height)
        return np.asarray(middle + share * axes)

    return center, ring(_IRIS_ANGLES, 1.0), ring(_PUPIL_ANGLES, PUPIL_SHARE)


def _resample(line: Array, steps: int) -> Array:
    """``steps`` + 1 points equally far apart along a line, measured in its x and y."""
    lengths = np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0, along[-1], steps + 1)
    columns = [np.interp(wanted, along, line[:, column]) for column in range(line.shape[1])]
    return np.stack(columns, axis=1)
