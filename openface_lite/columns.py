"""The CSV's columns, generated group by group, and the cells of one row.

Names, order and decimals are OpenFace's; the dialect is a bare comma and LF. A value this engine does not
measure is an empty cell, never 0. In a frame without a face only frame, face_id, timestamp, confidence
(0.00) and success (0) are filled: OpenFace repeats its last fit there, which we do not copy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import numpy as np

from openface_lite import action_units, row_text
from openface_lite.arrays import Array
from openface_lite.face import Face

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
    # Not hashed: groups are looked up for every row, and hundreds of names would take a twentieth of its time.
    names: tuple[str, ...] = field(hash=False)
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
    # OpenFace writes the presences of pictures with one decimal, those of videos with two.
    groups = (replace(group, decimals=1) if group.key == "au_c" else group for group in _selected(selection))
    return _IMAGE_HEAD + tuple(groups)


def video_groups(selection: frozenset[str]) -> tuple[Group, ...]:
    """The groups of FeatureExtraction and FaceLandmarkVidMulti: 714 columns with everything selected."""
    return _VIDEO_HEAD + _selected(selection)


def _selected(selection: frozenset[str]) -> tuple[Group, ...]:
    return tuple(group for group in _MEASUREMENTS if group.flag in selection)


def header(groups: tuple[Group, ...]) -> str:
    """The header line without its line end."""
    return ",".join(name for group in groups for name in group.names)


def cells(groups: tuple[Group, ...], values: Mapping[str, Cells]) -> Array:
    """The numbers of one row; NaN in groups without values and where nothing was measured."""
    parts = (values.get(group.key) for group in groups)
    return np.concatenate(
        [np.full(len(group.names), np.nan) if part is None else part for group, part in zip(groups, parts, strict=True)]
    )


def row(groups: tuple[Group, ...], numbers: Array) -> str:
    """One line without its line end; NaN becomes an empty cell."""
    return row_text.line(_parts(groups), numbers)


@lru_cache(maxsize=16)
def _parts(groups: tuple[Group, ...]) -> tuple[row_text.Part, ...]:
    return row_text.parts_of(group.decimals for group in groups for _ in group.names)


def place_of(key: str, groups: tuple[Group, ...]) -> slice:
    """Where a group's cells lie in a row; empty if it is not among the groups."""
    start = 0
    for group in groups:
        if group.key == key:
            return slice(start, start + len(group.names))
        start += len(group.names)
    return slice(0, 0)


def image_values(number: int, face: Face, groups: tuple[Group, ...]) -> dict[str, Cells]:
    """One face of a picture, numbered from 0; only ``groups`` are measured."""
    head: dict[str, Cells] = {"face": [number], "confidence": [face.confidence]}
    return head | _face_values(face, groups)


def video_values(
    number: int, face_id: int, time_s: float, face: Face | None, groups: tuple[Group, ...]
) -> dict[str, Cells]:
    """One frame, numbered from 1, with its face or without one; only ``groups`` are measured."""
    head: dict[str, Cells] = {
        "frame": [number],
        "face_id": [face_id],
        "timestamp": [time_s],
        "confidence": [face.confidence if face else 0.0],
        "success": [1 if face else 0],
    }
    return head | _face_values(face, groups) if face else head


def without_units(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """The groups but for action units, which a clip shows only as a whole."""
    return tuple(group for group in groups if group.flag != AUS)


def _face_values(face: Face, groups: tuple[Group, ...]) -> dict[str, Cells]:
    return {group.key: _MEASURE[group.key](face) for group in groups if group.key in _MEASURE}


def _shape_cells(face: Face) -> Array:
    """Scale, rotation and place of the weak-perspective fit; OpenFace's 34 shape modes stay empty.

    The canonical face fitted in this way to the 2D points of real rows gives OpenFace's own values to 2 % in
    scale, 4 degrees in each angle and 0.6 px in place.
    """
    shape = face.weak_perspective
    return np.concatenate([[shape.scale], shape.angles, shape.place, np.full(34, np.nan)])


_MEASURE: Final[dict[str, Callable[[Face], Cells]]] = {
    "gaze": lambda face: face.gaze.vectors.ravel(),
    "gaze_angle": lambda face: face.gaze.angles,
    "eye_2d": lambda face: face.gaze.eye_points_2d.T.ravel(),
    "eye_3d": lambda face: face.gaze.eye_points_3d.T.ravel(),
    "pose_T": lambda face: face.head_pose.translation,
    "pose_R": lambda face: face.head_pose.angles,
    "face_2d": lambda face: face.landmarks_2d.T.ravel(),
    "face_3d": lambda face: face.landmarks_3d.T.ravel(),
    "shape": _shape_cells,
    "au_r": lambda face: face.au_intensities,
    "au_c": lambda face: face.au_presences,
}
