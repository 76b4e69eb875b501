"""Keep an engine's values on the reference picture, and compare later measurements with them.

Another processor, OpenCV or run-time library may move a landmark by tenths of a pixel. The tolerances, those of the
analyser's own golden tests, are about ten times that, and a tenth of the effect of a mistaken convention.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.engine.installed import Engine
from service.settings import BadSettings
from service.storage.local_files import sha256_of

FOLDER = Path(__file__).parent / "canary_data"
PICTURE = FOLDER / "portrait.png"
CLIP = FOLDER / "clip.mp4"
SHIPPED = FOLDER / "recorded"

TOLERANCES: tuple[tuple[str, str, float], ...] = (
    ("landmarks, pixels", r"[xy]_\d+", 1.0),
    ("head position, mm", r"pose_T[xyz]", 8.0),
    ("head rotation, radians", r"pose_R[xyz]", 0.03),
    ("gaze, radians", r"gaze_angle_[xy]", 0.06),
    ("action units, of 5", r"AU\d\d_r", 0.25),
)
"""Compared groups: a name, a pattern of columns, and the largest allowed difference from the recorded value."""


@dataclass(frozen=True)
class Drift:
    """The value of a group that is farthest from the recorded one.

    Attributes:
        measured: None where the column is empty now.
        tolerances: the difference in tolerances; above 1 is too large, infinite without a value.
    """

    group: str
    column: str
    recorded: float
    measured: float | None
    tolerance: float

    @property
    def tolerances(self) -> float:
        if self.measured is None:
            return math.inf
        return abs(self.measured - self.recorded) / self.tolerance


@dataclass(frozen=True)
class Record:
    """An engine's recorded values, by column."""

    engine: str
    values: Mapping[str, float]

    def drifts(self, measured: Mapping[str, float]) -> list[Drift]:
        """Find the largest difference in each recorded group."""
        found = []
        for group, columns, tolerance in TOLERANCES:
            drifts = [
                Drift(group, column, value, measured.get(column), tolerance)
                for column, value in self.values.items()
                if re.fullmatch(columns, column)
            ]
            if drifts:
                found.append(max(drifts, key=lambda drift: drift.tolerances))
        return found


def compared(cells: Mapping[str, str]) -> dict[str, float]:
    """Select the compared values of a row that are not empty."""
    return {
        column: float(cell)
        for _, columns, _ in TOLERANCES
        for column, cell in cells.items()
        if re.fullmatch(columns, column) and cell.strip() and math.isfinite(float(cell))
    }


def label(engine: Engine) -> str:
    """Name the engine and its version, commit or hash."""
    build = engine.version or engine.commit or "".join(sorted(engine.binary_sha256.values()))[:12]
    return f"{engine.name} {build}".strip()


def recorded(engine: Engine, folder: Path | None) -> Record | None:
    """Read this engine's record from a deployment's own folder, else one that ships. Raises BadSettings."""
    for place in (folder, SHIPPED):
        path = _path(engine, place) if place else None
        if path and path.is_file():
            return _read(path)
    return None


def keep(engine: Engine, folder: Path | None, values: Mapping[str, float]) -> Path:
    """Write a record where there is none; return its path. Raises BadSettings."""
    path = _path(engine, folder or SHIPPED)
    record = {
        "engine": label(engine),
        "picture_sha256": sha256_of(PICTURE),
        "recorded": datetime.now(UTC).date().isoformat(),
        "values": dict(values),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=1) + "\n")
    except FileExistsError as error:
        raise BadSettings(f"{label(engine)} has a record in {path}; remove that first if it is wrong") from error
    except OSError as error:
        raise BadSettings(f"CANARY_RECORDS: {path.parent} cannot be written to: {error.strerror}") from error
    return path


def _path(engine: Engine, folder: Path) -> Path:
    return folder / f"{re.sub(r'[^A-Za-z0-9._]+', '-', label(engine))}.json"


def _read(path: Path) -> Record:
    try:
        fields = json.loads(path.read_text("utf-8"))
        record = Record(str(fields["engine"]), {str(name): float(value) for name, value in fields["values"].items()})
        picture = fields["picture_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSettings(f"CANARY_RECORDS: {path} is no record: {error!r}") from error
    if picture != sha256_of(PICTURE):
        raise BadSettings(f"CANARY_RECORDS: {path} is of another picture; record anew with `canary --record`")
    return record
