"""Describe each column of OpenFace's tables: unit, range, meaning and caveat.

Sources: OpenFace's wiki (Output Format) and its own tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from service.engine.columns import columns_for
from service.jobs.media_kind import Media

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Column:
    """Description of one column.

    Attributes:
        unit: empty for dimensionless numbers.
        low, high: values outside are errors; None where there is no bound.
        caveat: a common mistake in using it; empty where none is known.
    """

    name: str
    group: str
    unit: str
    low: float | None
    high: float | None
    meaning: str
    caveat: str = ""


_KINDS = (
    # The names are patterns here.
    Column("frame", "frame", "", 1, None, "number of the frame, counted from 1"),
    Column("face", "frame", "", 0, None, "number of the face in the picture", "the detector's order means nothing"),
    Column(
        "face_id",
        "frame",
        "",
        0,
        None,
        "number of the face in the frame",
        "a slot, not a person, unless the job names a gallery",
    ),
    Column("timestamp", "frame", "s", 0, None, "time of the frame in the video"),
    Column(
        "confidence",
        "frame",
        "",
        0,
        1,
        "how surely this is a face and well tracked",
        "use 0.75 or more: success means above 0.725",
    ),
    Column("success", "frame", "", 0, 1, "1 where the face was tracked", "values of rows with 0 mean nothing"),
    Column(r"gaze_\d_[xyz]", "gaze", "", -1, 1, "gaze direction of one eye (0: left in the picture), a unit vector"),
    Column("gaze_angle_[xy]", "gaze", "rad", -3.1416, 3.1416, "gaze direction of both eyes: across, down"),
    Column(r"eye_lmk_[xy]_\d+", "eye landmarks", "px", None, None, "eye landmark in the upright picture"),
    Column(
        r"eye_lmk_[XYZ]_\d+",
        "eye landmarks",
        "mm",
        None,
        None,
        "eye landmark before the camera",
        "the scale is guessed",
    ),
    Column(
        r"pose_T[xyz]",
        "head pose",
        "mm",
        None,
        None,
        "place of the head; z away from the camera",
        "the scale rests on a guessed focal length",
    ),
    Column(r"pose_R[xyz]", "head pose", "rad", -3.1416, 3.1416, "pitch, yaw and roll", "relative to the camera"),
    Column(r"[xy]_\d+", "landmarks", "px", None, None, "face landmark (0 to 67) in the upright picture"),
    Column(
        r"[XYZ]_\d+",
        "landmarks",
        "mm",
        None,
        None,
        "face landmark before the camera",
        "x_0 and X_0 differ by case alone",
    ),
    Column("p_scale", "shape", "px/mm", 0, None, "scale of the face model in the picture"),
    Column("p_r[xyz]", "shape", "rad", -3.1416, 3.1416, "rotation of the face model (weak perspective)"),
    Column("p_t[xy]", "shape", "px", None, None, "place of the face model in the picture"),
    Column(r"p_\d+", "shape", "", None, None, "non-rigid parameter of OpenFace's own face model"),
    Column(
        r"AU\d\d_r",
        "action units",
        "",
        0,
        5,
        "intensity of the action unit",
        "intensity and presence come from different models and can disagree; in videos it is calibrated over the clip",
    ),
    Column(r"AU\d\d_c", "action units", "", 0, 1, "presence of the action unit", "can disagree with the intensity"),
)


def meanings(media: Media) -> list[Column]:
    """Describe all columns of this media's table, in order."""
    return [_column(name) for name in columns_for(media)]


def _column(name: str) -> Column:
    return replace(next(kind for kind in _KINDS if re.fullmatch(kind.name, name)), name=name)
