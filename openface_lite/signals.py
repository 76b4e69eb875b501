"""The signals that action units are read from: 10 blendshapes and 11 lengths of the face turned to the camera.

A blendshape is the mean of its left and right side, 0 to 1. A length is in cm of a face whose outer eye corners are
8.8 cm apart; its name begins with ``g_`` and it grows with the movement that it is named for.
"""

from typing import Final

import numpy as np

from openface_lite import models
from openface_lite.arrays import Array
from openface_lite.mesh import Mesh
from openface_lite.model_facts import BLENDSHAPES

# The points that the blendshape network reads, in its order. fmt keeps the rows.
# fmt: off
_BLENDSHAPE_POINTS: Final = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
])
# fmt: on
# Our irises go centre, left, top, right, bottom; the network reads centre, right, top, left, bottom.
_IRISES: Final = {469: 471, 471: 469, 474: 476, 476: 474}
_NETWORK_POINTS: Final = np.array([_IRISES.get(point, point) for point in _BLENDSHAPE_POINTS.tolist()])

# Which of the network's 52 outputs are averaged for a signal.
_OUTPUTS: Final = {
    "browInnerUp": (3,),
    "browOuterUp": (4, 5),
    "browDown": (1, 2),
    "eyeWide": (21, 22),
    "eyeSquint": (19, 20),
    "eyeBlink": (9, 10),
    "mouthSmile": (44, 45),
    "mouthUpperUp": (48, 49),
    "mouthLowerDown": (34, 35),
    "jawOpen": (25,),
}
_LENGTHS: Final = (
    *("g_browInner", "g_browOuter", "g_lowerLidUp", "g_eyeClosed", "g_mouthWidth", "g_cornerLift"),
    *("g_cornerLiftNose", "g_upperLipUp", "g_lipGap", "g_lipGapWide", "g_chinDrop"),
)
NAMES: Final = (*_OUTPUTS, *_LENGTHS)
PLACE: Final = {name: place for place, name in enumerate(NAMES)}

_AVERAGES: Final = np.zeros((len(_OUTPUTS), 52))
for _row, _columns in enumerate(_OUTPUTS.values()):
    _AVERAGES[_row, list(_columns)] = 1 / len(_columns)

_EYE_CORNERS: Final = [33, 133, 362, 263]
_INNER_BROWS: Final = [107, 55, 336, 285]
_OUTER_BROWS: Final = [70, 63, 46, 53, 300, 293, 276, 283]
_LOWER_LIDS: Final = [145, 153, 144, 374, 380, 373]
_MOUTH_CORNERS: Final = [61, 291]
_LIP_MIDDLE: Final = [13, 14]
_UPPER_INNER_LIP, _LOWER_INNER_LIP = [13, 82, 312], [14, 87, 317]
_NOSE_BASE, _UPPER_LIP, _CHIN = 2, 0, 152
# Of each eye: outer corner, inner corner, two pairs of opposite lid points.
_EYES_BY_POINT: Final = np.array([[33, 133, 160, 144, 158, 153], [263, 362, 387, 373, 385, 380]]).T
# An open eye is about 0.3 as high as it is wide: closing it changes the signal by one.
OPEN_RATIO: Final = 0.3
_MM_A_CM: Final = 10.0


def measure(mesh: Mesh, frontal: Array) -> Array:
    """All signals (21,) of a face, in the order of :data:`NAMES`.

    ``frontal`` are its (478, 3) points turned to the camera, in mm (:func:`openface_lite.pose.frontal_points`).
    """
    return np.concatenate([_blendshapes(mesh), _lengths(frontal)])


def eye_openings(points: Array) -> Array:
    """Lid distance over eye width (2,) of the eye on the left of the image and the other.

    Soukupova and Cech 2016 (eye aspect ratio), in space: a turned head keeps it.
    """
    corner, other, upper_1, lower_1, upper_2, lower_2 = points[_EYES_BY_POINT]
    lids = _lengths_of(upper_1 - lower_1) + _lengths_of(upper_2 - lower_2)
    return np.asarray(lids / (2 * _lengths_of(other - corner)))


def _lengths_of(vectors: Array) -> Array:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=1)))


def _blendshapes(mesh: Mesh) -> Array:
    points = mesh.points[_NETWORK_POINTS, :2].astype(np.float32)
    (outputs,) = models.run(BLENDSHAPES, points)
    return _AVERAGES @ outputs


def _lengths(frontal: Array) -> Array:
    height = -frontal[:, 1]
    eye_line = height[_EYE_CORNERS].mean()
    corners = height[_MOUTH_CORNERS].mean()
    gaps = _lengths_of(frontal[_UPPER_INNER_LIP] - frontal[_LOWER_INNER_LIP])
    lengths = np.array(
        [
            height[_INNER_BROWS].mean() - eye_line,
            height[_OUTER_BROWS].mean() - eye_line,
            height[_LOWER_LIDS].mean() - eye_line,
            0.0,
            np.linalg.norm(frontal[_MOUTH_CORNERS[0]] - frontal[_MOUTH_CORNERS[1]]),
            corners - height[_LIP_MIDDLE].mean(),
            corners - height[_NOSE_BASE],
            height[_UPPER_LIP] - height[_NOSE_BASE],
            gaps[0],
            gaps.mean(),
            eye_line - height[_CHIN],
        ]
    )
    lengths /= _MM_A_CM
    lengths[_LENGTHS.index("g_eyeClosed")] = -eye_openings(frontal).mean() / OPEN_RATIO
    return lengths
