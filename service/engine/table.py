"""Facts about a checked table, made by its reader and used by manifest and summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Intensity:
    """Statistics of one action unit's intensity (0 to 5) over the counted rows."""

    mean: float
    sd: float
    max: float


@dataclass(frozen=True)
class Measures:
    """Statistics over the finite values of rows with `success` 1 (pictures: of all rows).

    Attributes:
        confidence_mean: None without such rows, which likewise leave out entries of the mappings.
        head_pose_deg: means of `pitch`, `yaw` and `roll` in degrees.
        intensities: by column `AUxx_r`.
        presence: share of rows (0 to 1) in which `AUxx_c` is 1.
        not_measured: action-unit columns without any value in the whole table.
    """

    confidence_mean: float | None
    head_pose_deg: Mapping[str, float]
    intensities: Mapping[str, Intensity]
    presence: Mapping[str, float]
    not_measured: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table ready to be published.

    Attributes:
        path: the CSV: OpenFace's columns, bare commas, LF.
        sha256, bytes: of that file.
        faces: pictures: rows; videos: distinct `face_id` with `success` 1.
        frames_written: distinct `frame`; None for pictures, as the next two.
        frames_success: distinct `frame` with `success` 1.
        last_frame: largest `frame`; 0 without rows.
        last_face_id: videos: largest `face_id`, with or without `success`; -1 without rows.
        most_at_once: videos: largest number of faces with `success` 1 in one frame.
    """

    path: Path
    rows: int
    columns: int
    sha256: str
    bytes: int
    faces: int
    frames_written: int | None
    frames_success: int | None
    last_frame: int | None
    measures: Measures
    most_at_once: int = 0
    last_face_id: int = -1
