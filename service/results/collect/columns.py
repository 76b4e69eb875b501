"""Columns of the collected table; later versions only append columns.

Job, media, engine and completeness come first and are equal in all rows of a result; then the row's position and
quality; then the measured columns, spelled and ordered as in the results; then the matched person. Missing values are
null: pictures have no `frame`, and a value that was not measured, or is not finite, is never 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from service.engine.column_meanings import meanings
from service.engine.columns import IMAGE_COLUMNS, IMAGE_HEAD, VIDEO_COLUMNS, VIDEO_HEAD
from service.results.collect.people import PERSON

TEXT, INT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

JOB: dict[str, pa.DataType] = {
    "job_id": TEXT,
    "container": TEXT,
    "blob": TEXT,
    "media": TEXT,
    "media_type": TEXT,
    "generation": INT,
    "media_sha256": TEXT,
    "width": INT,
    "height": INT,
    "frame_rate": REAL,
    "duration_s": REAL,
    "engine": TEXT,
    "engine_version": TEXT,
    "licence_class": TEXT,
    "completeness": TEXT,
    "completeness_reason": TEXT,
    "faces": INT,
    "frames_expected": INT,
    "frames_written": INT,
    "frames_success": INT,
}
"""From the manifest; width, height (pixels, upright), frame rate (frames a second) and duration as probed."""

GOOD = "good"
"""Whether a row passes the quality gate of reports: `success` 1 (videos) and enough `confidence`."""

ROW: dict[str, pa.DataType] = {
    "face": INT,
    "frame": INT,
    "face_id": INT,
    "timestamp": REAL,
    "confidence": REAL,
    "success": INT,
    GOOD: FLAG,
}
"""The row's position and quality, with the values of the result."""

MATCHED: dict[str, pa.DataType] = dict(zip(PERSON, (INT, TEXT, TEXT, REAL), strict=True))
"""For jobs with a gallery: the person's number in this result, and the match, if any."""

EXCLUDED = "excluded"
"""Whether a row lies in a stretch that was marked as not to be used; such rows are never `good`."""

FILE = "file"
"""Name of the picture that a row's frame is, in sequences of pictures."""

MEASURED = VIDEO_COLUMNS[len(VIDEO_HEAD) :]
"""Measured columns, equal in results of pictures and videos."""
assert IMAGE_COLUMNS[len(IMAGE_HEAD) :] == MEASURED

_GROUP_OF = {column.name: column.group.replace(" ", "-") for column in meanings("video")}
GROUPS = tuple(dict.fromkeys(_GROUP_OF[name] for name in MEASURED))
"""Of measured columns, as `/schema` groups them: gaze, eye-landmarks, head-pose, landmarks, shape, action-units."""


@dataclass(frozen=True)
class Layout:
    """The columns of one collected table.

    Attributes:
        numbers: columns that come from the rows of results.
    """

    numbers: tuple[str, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, groups: Collection[str] = GROUPS) -> Layout:
        """Select all columns, or of the measured ones only these groups."""
        measured = [name for name in MEASURED if _GROUP_OF[name] in groups]
        kinds = JOB | ROW | dict.fromkeys(measured, REAL) | MATCHED | {EXCLUDED: FLAG, FILE: TEXT}
        return cls(tuple(name for name in (*ROW, *measured) if name != GOOD), pa.schema(list(kinds.items())))


_KINDS: dict[pa.DataType, tuple[type, ...]] = {TEXT: (str,), INT: (int,), REAL: (int, float)}
_LARGEST = 1 << 63


def job_values(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Read a manifest's columns. Raises KeyError, TypeError, ValueError."""
    job, media, judged = (_part(manifest, name) for name in ("job", "media", "completeness"))
    engine, frames = (_part(manifest, name) if manifest[name] else {} for name in ("engine", "frames"))
    probe = _part(media, "probe") if media.get("probe") else {}
    found = {
        "job_id": job["id"],
        "container": job["container"],
        "blob": job["blob"],
        "media": job["media"],
        "media_type": job["media_type"],
        "generation": job["generation"],
        "media_sha256": media.get("sha256"),
        **{name: probe.get(name) for name in ("width", "height", "frame_rate", "duration_s")},
        "engine": engine.get("name"),
        "engine_version": engine.get("version"),
        "licence_class": engine.get("licence_class"),
        "completeness": judged["verdict"],
        "completeness_reason": judged["reason"],
        "faces": manifest["faces"],
        **{f"frames_{name}": frames.get(name) for name in ("expected", "written", "success")},
    }
    return {name: fitting(kind, found[name]) for name, kind in JOB.items()}


def fitting(kind: pa.DataType, value: Any) -> Any:
    """Return a value that its column can hold, or null: Arrow would refuse others only when a chunk is full.

    Raises:
        TypeError, ValueError: the column cannot hold it.
    """
    if value is None:
        return None
    if not isinstance(value, _KINDS[kind]) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:80]!r} is no {kind}")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise ValueError(f"{value} is too large a number")
    if isinstance(value, str):
        # JSON can name halves of characters, which no encoding of text has.
        value.encode()
    return value


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole[name]
    if not isinstance(part, Mapping):
        raise TypeError(f"{name} is no object")
    return part
