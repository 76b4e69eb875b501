"""Read the columns of a table that reports use, block by block: a long video's table is half a gigabyte."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.engine.columns import IMAGE_HEAD, INTENSITIES, LANDMARKS_X, LANDMARKS_Y, POSE, PRESENCES, VIDEO_HEAD
from service.engine.csv_blocks import LINE_BYTES, blocks
from service.engine.lite.geometry import LIDS, eye_openings
from service.jobs.media_kind import Media
from service.results.summary import BOX

GAZE_ANGLES = ("gaze_angle_x", "gaze_angle_y")
KEPT = (*GAZE_ANGLES, *POSE, *INTENSITIES, *PRESENCES)
EYE_OPENING = "eye_opening"
"""Derived column: lid distance over eye width, of the eye that is less open."""
_DRAWN = re.compile(r"(eye_lmk_[xyXYZ]|[xy])_\d+|gaze_[01]_[xyz]|pose_[TR][xyz]|face|face_id|frame|confidence")

Numbers = NDArray[np.float64]


def read(path: Path, media: Media) -> pd.DataFrame:
    """Read a table without its landmarks; in their place the box around them (`BOX`, pixels) and `EYE_OPENING`.

    Columns that the table lacks are nan, as are empty cells and values that are not finite.

    Raises:
        MalformedOutput: a cell is not a number, or a row is incomplete.
    """
    head = VIDEO_HEAD if media == "video" else IMAGE_HEAD
    parts = []
    with path.open("rb") as file:
        columns = _header(file.readline(LINE_BYTES))
        for block in blocks(file, columns):
            parts.append(_kept(block.values, columns, head))
    names = (*head, *KEPT, *BOX, EYE_OPENING)
    values = np.concatenate(parts) if parts else np.empty((0, len(names)))
    return pd.DataFrame(values, columns=list(names))


def read_rows(path: Path, first: int, count: int) -> list[dict[str, float]]:
    """Read some rows with the columns of drawings, by name; row 0 is the first after the header."""
    found: list[dict[str, float]] = []
    with path.open("rb") as file:
        columns = _header(file.readline(LINE_BYTES))
        drawn = [(place, name) for place, name in enumerate(columns) if _DRAWN.fullmatch(name)]
        before = 0
        for block in blocks(file, columns):
            chosen = block.values[max(first - before, 0) : max(first + count - before, 0)]
            found += [{name: float(row[place]) for place, name in drawn} for row in chosen]
            before += len(block.values)
            if before >= first + count:
                break
    return found


def _header(line: bytes) -> list[str]:
    return [name.strip() for name in line.decode("utf-8", "replace").split(",")]


def _kept(values: Numbers, columns: list[str], head: tuple[str, ...]) -> Numbers:
    place = {name: i for i, name in enumerate(columns)}
    parts = [values[:, place[name]] if name in place else np.full(len(values), np.nan) for name in (*head, *KEPT)]
    return np.column_stack([*parts, _boxes(values, place), _eye_openings(values, place)])


def _eye_openings(values: Numbers, place: dict[str, int]) -> Numbers:
    """Opening of the eye that is less open, shape (rows,)."""
    if LANDMARKS_X[0] not in place:
        return np.full(len(values), np.nan)
    landmarks = np.full((len(values), 68, 2), np.nan)
    for i in (point for lid in LIDS for point in lid):
        landmarks[:, i, 0], landmarks[:, i, 1] = values[:, place[f"x_{i}"]], values[:, place[f"y_{i}"]]
    return np.asarray(eye_openings(landmarks).min(axis=1))


def _boxes(values: Numbers, place: dict[str, int]) -> Numbers:
    """Left, top, width and height of the box around the landmarks, shape (rows, 4)."""
    if LANDMARKS_X[0] not in place:
        return np.full((len(values), 4), np.nan)
    xs = values[:, [place[name] for name in LANDMARKS_X]]
    ys = values[:, [place[name] for name in LANDMARKS_Y]]
    # Where one landmark is missing there is no box: min and max keep nan.
    left, top = xs.min(axis=1), ys.min(axis=1)
    return np.column_stack([left, top, xs.max(axis=1) - left, ys.max(axis=1) - top])
