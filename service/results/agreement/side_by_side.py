"""Read tables, and find the rows of two tables of one media item that show the same face.

Separate from the figures of agreement: the pairing decides every figure and knows nothing of errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from service.engine.columns import IMAGE_COLUMNS, IMAGE_HEAD, LANDMARKS_X, LANDMARKS_Y, columns_for
from service.engine.csv_blocks import LINE_BYTES, blocks, check_header
from service.jobs.media_kind import Media
from service.results.quality_gate import CONFIDENCE

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]

MEASURED = ("confidence", *IMAGE_COLUMNS[len(IMAGE_HEAD) :])
"""The columns that tables of pictures and of videos share."""
OUTER_EYES = (36, 45)

_OF_OLDER = frozenset({"frame", "timestamp", "confidence", "success", "pose_Rx", "AU01_r", "x_0", "y_67"})
"""Columns that a table of OpenFace 1.x shares with one of 2.x."""
_TIMESTAMP_ROUNDING_S = 0.001


@dataclass(frozen=True)
class Rows:
    """A whole table: values (float64, rows by columns; nan where nothing finite was written)."""

    media: Media
    values: Numbers

    @property
    def is_multi(self) -> bool:
        """Several faces: a frame twice, or a face number other than 0. Pictures always may have several."""
        if self.media == "image":
            return True
        return bool(self.column("face_id").any()) or len(np.unique(self.frames)) < len(self.values)

    @property
    def frames(self) -> Numbers:
        """The frame of each row; a picture is one frame."""
        return self.column("frame") if self.media == "video" else np.zeros(len(self.values))

    @property
    def good(self) -> NDArray[np.bool_]:
        """Rows that hold a face: `success` 1, in pictures a confidence of at least `CONFIDENCE`."""
        if self.media == "video":
            return np.asarray(self.column("success") == 1)
        return np.asarray(self.column("confidence") >= CONFIDENCE)

    def column(self, name: str) -> Numbers:
        return np.asarray(self.values[:, columns_for(self.media).index(name)])

    def measured(self, rows: Places) -> Numbers:
        """Some rows, in the order of `MEASURED`."""
        place = {name: i for i, name in enumerate(columns_for(self.media))}
        return np.asarray(self.values[rows][:, [place[name] for name in MEASURED]])


@dataclass(frozen=True)
class SideBySide:
    """Two tables of one medium; a frame is a frame of a video, or a picture.

    Attributes:
        paired_by: how frames found each other.
        both, neither, reference_alone, engine_alone: compared frames by which table has a face in them.
        frames_reference_only, frames_engine_only: frames that the other table does not have: not compared.
        faces_reference: faces of the reference in compared frames; `faces_engine` likewise.
        rows: of the faces that both have, (n, 2): row of the reference, row of the engine.
    """

    paired_by: Literal["picture", "frame", "timestamp"]
    both: int
    neither: int
    reference_alone: int
    engine_alone: int
    frames_reference_only: int
    frames_engine_only: int
    faces_reference: int
    faces_engine: int
    rows: Places

    @property
    def frames(self) -> int:
        """Compared frames."""
        return self.both + self.neither + self.reference_alone + self.engine_alone


def read_rows(csv: Path | None, media: Media) -> Rows:
    """A whole table in any dialect; without a file, one without rows.

    A table of OpenFace 1.x, or older, has fewer columns: what it lacks is not a number, and its faces are number 0.

    Raises:
        MalformedOutput: it is not OpenFace's table of this kind of media, or is torn.
        OSError: it cannot be read.
    """
    columns = columns_for(media)
    if csv is None:
        return Rows(media, np.empty((0, len(columns))))
    with csv.open("rb") as file:
        older = _older_columns(file, columns) if media == "video" else None
        if older is None:
            check_header(file, columns)
        parts = [block.values for block in blocks(file, older or columns)]
    values = np.concatenate([np.empty((0, len(older or columns))), *parts])
    return Rows(media, values if older is None else _with_all_columns(values, older, columns))


def _older_columns(file: IO[bytes], columns: Sequence[str]) -> tuple[str, ...] | None:
    """The columns of a table of OpenFace 1.x whose header was just read; None, and nothing read, for any other."""
    found = tuple(name.strip() for name in file.readline(LINE_BYTES).decode("utf-8", "replace").split(","))
    is_older = "face_id" not in found and _OF_OLDER <= set(found) <= set(columns) and len(set(found)) == len(found)
    if not is_older:
        file.seek(0)
    return found if is_older else None


def _with_all_columns(values: Numbers, found: Sequence[str], columns: Sequence[str]) -> Numbers:
    whole = np.full((len(values), len(columns)), np.nan)
    whole[:, [columns.index(name) for name in found]] = values
    whole[:, columns.index("face_id")] = 0
    if "gaze_angle_x" not in found and "gaze_0_x" in found:
        left, right = (whole[:, [columns.index(f"gaze_{eye}_{axis}") for axis in "xyz"]] for eye in (0, 1))
        x, y, z = (left + right).T
        whole[:, columns.index("gaze_angle_x")] = np.arctan2(x, -z)
        whole[:, columns.index("gaze_angle_y")] = np.arctan2(y, -z)
    return whole


def lay_side_by_side(reference: Rows, engine: Rows) -> SideBySide:
    """Which rows of two tables of one medium speak of the same face.

    Videos: by frame number where both tables end with the same frame, else by time. Where a frame may hold
    several faces, each goes to the nearest one of the other table, if there is one within the distance
    of the outer eye corners; a frame without a row is then a frame without a face.
    """
    is_multi = reference.is_multi or engine.is_multi
    paired_by, frames = _paired_frames(reference, engine)
    of_reference, of_engine = _good_rows_by_frame(reference), _good_rows_by_frame(engine)
    reference_only = set(reference.frames.tolist()) - set(frames)
    engine_only = set(engine.frames.tolist()) - set(frames.values())
    together = [(of_reference.get(frame, []), of_engine.get(other, [])) for frame, other in frames.items()]
    if reference.media == "video" and is_multi:
        together += [(of_reference.get(frame, []), []) for frame in reference_only]
        together += [([], of_engine.get(frame, [])) for frame in engine_only]
        reference_only, engine_only = set(), set()
    match = _nearest if is_multi else _only
    rows = [row for a, b in together if a and b for row in match(reference, engine, a, b)]
    has_face = [(bool(a), bool(b)) for a, b in together]
    return SideBySide(
        paired_by=paired_by,
        both=has_face.count((True, True)),
        neither=has_face.count((False, False)),
        reference_alone=has_face.count((True, False)),
        engine_alone=has_face.count((False, True)),
        frames_reference_only=len(reference_only),
        frames_engine_only=len(engine_only),
        faces_reference=sum(len(a) for a, _ in together),
        faces_engine=sum(len(b) for _, b in together),
        rows=np.array(rows, dtype=np.intp).reshape(-1, 2),
    )


def _good_rows_by_frame(table: Rows) -> dict[float, list[int]]:
    rows: dict[float, list[int]] = defaultdict(list)
    good = np.flatnonzero(table.good)
    for frame, row in zip(table.frames[good].tolist(), good.tolist(), strict=True):
        rows[frame].append(row)
    return rows


def _paired_frames(
    reference: Rows, engine: Rows
) -> tuple[Literal["picture", "frame", "timestamp"], dict[float, float]]:
    """The engine's frame by the reference's frame."""
    if reference.media == "image":
        return "picture", {0.0: 0.0}
    a, b = np.unique(reference.frames), np.unique(engine.frames)
    if not len(a) or not len(b) or a[-1] == b[-1]:
        return "frame", {frame: frame for frame in np.intersect1d(a, b).tolist()}
    return "timestamp", _paired_by_time(_times(reference), _times(engine))


def _times(table: Rows) -> tuple[Numbers, Numbers]:
    """Frames in order, and the seconds at which they are."""
    frames, first = np.unique(table.frames, return_index=True)
    return frames, table.column("timestamp")[first]


def _paired_by_time(a: tuple[Numbers, Numbers], b: tuple[Numbers, Numbers]) -> dict[float, float]:
    """Frames that are each other's nearest, at most half the shorter frame interval apart."""
    (frames, times), (other_frames, other_times) = a, b
    to_b, to_a = _nearest_places(times, other_times), _nearest_places(other_times, times)
    intervals = [float(np.median(np.diff(each))) for each in (times, other_times) if len(each) > 1]
    limit = min(intervals, default=0.0) / 2 + _TIMESTAMP_ROUNDING_S
    mutual = to_a[to_b] == np.arange(len(times))
    near = mutual & (np.abs(times - other_times[to_b]) <= limit)
    return dict(zip(frames[near].tolist(), other_frames[to_b[near]].tolist(), strict=True))


def _nearest_places(times: Numbers, among: Numbers) -> Places:
    """For each time the place of the nearest of some ascending ones."""
    after = np.searchsorted(among, times).clip(1, max(len(among) - 1, 1))
    before = after - 1
    after = after.clip(max=len(among) - 1)
    return np.where(times - among[before] <= among[after] - times, before, after)


def _only(reference: Rows, engine: Rows, a: list[int], b: list[int]) -> list[tuple[int, int]]:
    """The one face of a frame in both tables."""
    return [(a[0], b[0])]


def _nearest(reference: Rows, engine: Rows, a: list[int], b: list[int]) -> list[tuple[int, int]]:
    """Faces of one frame, the nearest first; each is taken once."""
    faces, others = _points(reference, a), _points(engine, b)
    apart = np.linalg.norm(faces.mean(axis=1)[:, np.newaxis] - others.mean(axis=1)[np.newaxis], axis=2)
    limits = np.linalg.norm(faces[:, OUTER_EYES[0]] - faces[:, OUTER_EYES[1]], axis=1)
    # Landmarks that were not measured are near to nothing.
    near = [(apart[i, j], i, j) for i, j in np.ndindex(*apart.shape) if apart[i, j] <= limits[i]]
    taken: list[tuple[int, int]] = []
    for _, i, j in sorted(near):
        if not any(i == other_i or j == other_j for other_i, other_j in taken):
            taken.append((i, j))
    return [(a[i], b[j]) for i, j in taken]


def _points(table: Rows, rows: list[int]) -> Numbers:
    """The 68 landmarks of some rows, (n, 68, 2), in pixels."""
    place = {name: i for i, name in enumerate(columns_for(table.media))}
    axes = [table.values[rows][:, [place[name] for name in names]] for names in (LANDMARKS_X, LANDMARKS_Y)]
    return np.stack(axes, axis=2)
