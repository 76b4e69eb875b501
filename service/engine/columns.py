"""Columns of OpenFace 2.x's tables, spelled and ordered as OpenFace writes them with every group on.

`x_0` (pixels) and `X_0` (millimetres) differ by case alone: nothing here may fold case.
"""

from __future__ import annotations

from collections.abc import Iterable

from service.jobs.media_kind import Media


def _numbered(prefixes: Iterable[str], count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}_{i}" for prefix in prefixes for i in range(count))


ACTION_UNIT_NAMES = {
    "AU01": "inner brow raiser",
    "AU02": "outer brow raiser",
    "AU04": "brow lowerer",
    "AU05": "upper lid raiser",
    "AU06": "cheek raiser",
    "AU07": "lid tightener",
    "AU09": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU45": "blink",
}
"""Names of the action units in the Facial Action Coding System (Ekman and Friesen)."""

INTENSITIES = tuple(f"{unit}_r" for unit in ACTION_UNIT_NAMES if unit != "AU28")
"""Action-unit intensities, 0 to 5; AU28 has none."""
PRESENCES = tuple(f"{unit}_c" for unit in ACTION_UNIT_NAMES)
"""Action-unit presence, 0 or 1."""
POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
"""Head position in millimetres, and pitch, yaw and roll in radians."""
LANDMARKS_X, LANDMARKS_Y = _numbered(["x"], 68), _numbered(["y"], 68)
"""Face landmarks in pixels."""

IMAGE_HEAD = ("face", "confidence")
VIDEO_HEAD = ("frame", "face_id", "timestamp", "confidence", "success")
GAZE = (
    *(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz"),
    "gaze_angle_x",
    "gaze_angle_y",
    *_numbered(("eye_lmk_x", "eye_lmk_y", "eye_lmk_X", "eye_lmk_Y", "eye_lmk_Z"), 56),
)
SHAPE = ("p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty", *_numbered(["p"], 34))

_MEASURED = (
    *GAZE,
    *POSE,
    *LANDMARKS_X,
    *LANDMARKS_Y,
    *_numbered("XYZ", 68),
    *SHAPE,
    *INTENSITIES,
    *PRESENCES,
)
IMAGE_COLUMNS = IMAGE_HEAD + _MEASURED
"""FaceLandmarkImg: 711 columns, one row a face."""
VIDEO_COLUMNS = VIDEO_HEAD + _MEASURED
"""FeatureExtraction and FaceLandmarkVidMulti: 714 columns, one row a frame and face."""


def columns_for(media: Media) -> tuple[str, ...]:
    """Return the columns of a table of this kind of media."""
    return IMAGE_COLUMNS if media == "image" else VIDEO_COLUMNS
