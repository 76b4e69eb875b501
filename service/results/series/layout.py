"""The file `series.bin`: a JSON header line, float32 values row by row, then int16 geometry row by row.

Rows are ordered by face, then by time. Both parts have rows of one length, so that a stretch of time is one byte range.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.columns import INTENSITIES, POSE, PRESENCES

FILE = "series.bin"
FORMAT = 1
CONTENT_TYPE = "application/octet-stream"
LONGEST_HEADER = 64 << 10

VALUES = (
    "frame",
    "timestamp",
    "confidence",
    "success",
    "gaze_angle_x",
    "gaze_angle_y",
    *POSE,
    *INTENSITIES,
    *PRESENCES,
)
"""Columns of the values, as the table spells them."""

LANDMARKS, AXES, EYES = 68, 4, 4
GEOMETRY = 2 * (LANDMARKS + AXES + EYES)
"""Numbers of a row's geometry: x, y of the landmarks, of origin and ends of the head's axes, and of begin and end of
each eye's line of sight."""
PER_PIXEL = 4
MISSING = np.iinfo(np.int16).min

Values = NDArray[np.float32]
Geometry = NDArray[np.int16]


@dataclass(frozen=True)
class FaceRows:
    """The rows of one face."""

    face_id: int
    first: int
    rows: int


@dataclass(frozen=True)
class Header:
    """The header line.

    Attributes:
        width, height: of the upright video that the geometry refers to, in pixels.
        faces: with the most rows first.
    """

    width: int
    height: int
    rows: int
    faces: tuple[FaceRows, ...]

    def line(self) -> bytes:
        """Encode the header."""
        return json.dumps({"format": FORMAT, "values": VALUES, **asdict(self)}).encode() + b"\n"

    @classmethod
    def parse(cls, start: bytes) -> tuple[Header, int] | None:
        """Parse the header from a file's first bytes; returns it with its length, or None for another format."""
        line, newline, _ = start.partition(b"\n")
        fields: dict[str, Any] = json.loads(line) if newline else {}
        if fields.get("format") != FORMAT or tuple(fields["values"]) != VALUES:
            return None
        faces = tuple(FaceRows(**face) for face in fields["faces"])
        return cls(fields["width"], fields["height"], fields["rows"], faces), len(line) + 1


def value_bytes(rows: int) -> int:
    """Return the size of the values of `rows` rows, in bytes."""
    return rows * len(VALUES) * np.dtype(np.float32).itemsize


def geometry_bytes(rows: int) -> int:
    """Return the size of the geometry of `rows` rows, in bytes."""
    return rows * GEOMETRY * np.dtype(np.int16).itemsize
