"""The CSV's columns, generated group by group, and the cells of one row.

Names, order and decimals are OpenFace's; the dialect is a bare comma and LF. A value this engine does not
measure is an empty cell, never 0. In a frame without a face only frame, face_id, timestamp, confidence
(0.00) and success (0) are filled: OpenFace repeats its last fit there, which we do not copy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from openface_lite import action_units
from openface_lite.analyse import Face
from openface_lite.arrays import Array
from openface_lite.pose import euler_angles

# The selection flags that choose column groups, in the order of the details file.
GAZE, AUS, LANDMARKS_2D, LANDMARKS_3D, POSE, SHAPE = "-gaze", "-aus", "-2Dfp", "-3Dfp", "-pose", "-pdmparams"
COLUMN_FLAGS: Final = (GAZE, AUS, LANDMARKS_2D, LANDMARKS_3D, POSE, SHAPE)

# Cells of a group: an array or a list of numbers, NaN for what was not measured.
Cells = Array | Sequence[float]


@dataclass(frozen=True)
class Group:
    """Neighbouring columns of one kind: ``flag`` selects them (None: always there)."""

    key: str
    flag: str | None
    names: tuple[str, ...]
    decimals: int


def _axes(prefix: str, axes: str, count: int) -> tuple[str, ...]:
    """prefix + axis + _0.., axis by axis."""
    return tuple(f"{prefix}{axis}_{i}" for axis in axes for i in range(count))


_IMAGE_HEAD = (Group("face", None, ("face",), 0), Group("confidence", None, ("confidence",), 3))
_VIDEO_HEAD = (
    Group("frame", None, ("frame",), 0),
    Group("face_id", None, ("face_id",), 0),
    Group("timestamp", None, ("timestamp",), 3),
    Group("confidence", None, ("confidence",), 2),
    Group("success", None, ("success",), 0),
)
_SHAPE_NAMES = ("p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty", *(f"p_{i}" for i in range(34)))
_MEASUREMENTS = (
    Group("gaze", GAZE, tuple(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"), 6),
    Group("gaze_angle", GAZE, ("gaze_angle_x", "gaze_angle_y"), 3),
    Group("eye_2d", GAZE, _axes("eye_lmk_", "xy", 56), 1),
    Group("eye_3d", GAZE, _axes("eye_lmk_", "XYZ", 56), 1),
    Group("pose_T", POSE, ("pose_Tx", "pose_Ty", "pose_Tz"), 1),
    Group("pose_R", POSE, ("pose_Rx", "pose_Ry", "pose_Rz"), 3),
    Group("face_2d", LANDMARKS_2D, _axes("", "xy", 68), 1),
    Group("face_3d", LANDMARKS_3D, _axes("", "XYZ", 68), 1),
    Group("shape", SHAPE, _SHAPE_NAMES, 3),
    Group("au_r", AUS, action_units.INTENSITIES, 2),
    Group("au_c", AUS, action_units.PRESENCES, 2),
)


def image_groups(selection: frozenset[str]) -> tuple[Group, ...]:
    """The groups of FaceLandmarkImg: 711 columns with everything selected."""
    return _IMAGE_HEAD + _selected(selection)


def video_groups(selection: frozenset[str]) -> tuple[Group, ...]:
    """The groups of FeatureExtraction and FaceLandmarkVidMulti: 714 columns with everything selected."""
    return _VIDEO_HEAD + _selected(selection)


def _selected(selection: frozenset[str]) -> tuple[Group, ...]:
    return tuple(group for group in _MEASUREMENTS if group.flag in selection)


def header(groups: tuple[Group, ...]) -> str:
    """The header line without its line end."""
    return ",".join(name for group in groups for name in group.names)


def row(groups: tuple[Group, ...], values: Mapping[str, Cells]) -> str:
    """One line without its line end; groups without values, and NaN, become empty cells."""
    cells: list[str] = []
    for group in groups:
        numbers = values.get(group.key)
        if numbers is None:
            cells += [""] * len(group.names)
        else:
            cells += [_cell(number, group.decimals) for number in np.asarray(numbers, dtype=float).tolist()]
    return ",".join(cells)


def _cell(number: float, decimals: int) -> str:
    return "" if math.isnan(number) else f"{number:.{decimals}f}"


def au_cells(intensities: Array) -> Array:
    """The 17 intensity cells from the (6,) measured ones: the others are NaN."""
    measured = dict(zip(action_units.MEASURED, intensities, strict=True))
    return np.array([measured.get(name, np.nan) for name in action_units.INTENSITIES])


def face_values(face: Face) -> dict[str, Cells]:
    """The cells of every measured group of a face."""
    return {
        "gaze": face.gaze.vectors.ravel(),
        "gaze_angle": face.gaze.angles,
        "eye_2d": face.gaze.eye_points_2d.T.ravel(),
        "eye_3d": face.gaze.eye_points_3d.T.ravel(),
        "pose_T": face.pose.translation,
        "pose_R": face.pose.angles,
        "face_2d": face.landmarks_2d.T.ravel(),
        "face_3d": face.landmarks_3d.T.ravel(),
        "shape": _shape_cells(face),
        "au_r": au_cells(face.au_intensities),
    }


def _shape_cells(face: Face) -> Array:
    """Scale, rotation and place of OpenFace's weak-perspective fit; its 34 shape modes stay empty.

    Scale is pixels per mm at the head's depth, the rotation is the head's against the line of sight to
    it, the place is its origin in the image. OpenFace's own values, recomputed this way from its pose, agree
    to 2 % in scale, 4 degrees in pitch, 2 in yaw and roll.
    """
    translation = face.pose.translation
    scale = face.camera.fx / translation[2]
    place = face.camera.project(translation[np.newaxis])[0]
    modes = np.full(34, np.nan)
    return np.concatenate([[scale], euler_angles(face.pose.seen_rotation), place, modes])
