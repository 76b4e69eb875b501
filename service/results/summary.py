"""Compute `summary.json` from a table in memory: statistics of the rows that pass the quality gate.

Pure: a data frame and a manifest in, values out. Values that were not measured are null, never 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.results import events as finding
from service.results.cautions import cautions
from service.results.frame_times import LASTS, with_durations
from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import in_stretches, passes
from service.results.summary_model import (
    SUMMARY_SCHEMA,
    ActionUnit,
    ActionUnitOfPicture,
    Blinks,
    Completeness,
    EngineFacts,
    Event,
    EventRule,
    Events,
    Face,
    Frames,
    Gate,
    Gaze,
    Histogram,
    Intensity,
    Pose,
    Presence,
    Rows,
    Rules,
    Spread,
    Summary,
    Support,
    TableFacts,
    Track,
)

POSE = {
    "pitch_deg": "pose_Rx",
    "yaw_deg": "pose_Ry",
    "roll_deg": "pose_Rz",
    "x_mm": "pose_Tx",
    "y_mm": "pose_Ty",
    "z_mm": "pose_Tz",
}
GAZE = {"x_deg": "gaze_angle_x", "y_deg": "gaze_angle_y"}
BOX = ("box_left", "box_top", "box_width", "box_height")
"""Derived columns: the box around the 68 landmarks, in pixels."""

PEAKS = 20
BINS = 20
DIGITS = 4

Numbers = NDArray[np.float64]


def summarise(table: pd.DataFrame, sha256: str, manifest: Mapping[str, Any], gate: Gate) -> Summary:
    """Compute the summary of a result.

    Args:
        table: rows of the CSV as `report.table_reader.read` gives them; nan for empty cells.
        sha256: of the CSV, as it is now.
        manifest: of the result; values that it lacks are null.
    """
    facts = ManifestReader(manifest)
    used = passes(table, gate)
    video = facts.media == "video"
    if video:
        table = with_durations(table, facts)
    summary = Summary(
        summary_schema=SUMMARY_SCHEMA,
        job={name: facts.job.get(name) for name in ("id", "container", "blob", "media", "media_type", "options")},
        engine=_engine(facts),
        table=TableFacts(sha256=sha256, as_published=facts.same_table(sha256), columns=facts.columns),
        completeness=Completeness(verdict=facts.verdict, reason=facts.reason),
        gate=gate,
        rules=Rules(intensity=finding.INTENSITY, presence=finding.PRESENCE, blink=finding.BLINK) if video else None,
        rows=_rows(table, used, gate),
        frames=_frames(table, used, facts) if video else None,
        confidence=_histogram(table["confidence"].to_numpy()),
        tracks=_tracks(table, used, facts) if video else [],
        faces=[] if video else _faces(table, used, facts),
        not_measured=_not_measured(table),
        cautions=[],
    )
    return summary.model_copy(update={"cautions": cautions(summary, facts)})


def action_units(columns: Sequence[str]) -> list[str]:
    """List the action units of some columns, `AU01` first."""
    return sorted({name[:4] for name in columns if re.fullmatch(r"AU\d\d_[rc]", name)})


def _engine(facts: ManifestReader) -> EngineFacts | None:
    engine = facts.engine
    if not engine:
        return None
    return EngineFacts(
        name=str(engine.get("name")),
        version=_text(engine.get("version")),
        licence_class=_text(engine.get("licence_class")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _rows(table: pd.DataFrame, used: NDArray[np.bool_], gate: Gate) -> Rows:
    tracked = table["success"] == gate.success if "success" in table else pd.Series(True, index=table.index)
    return Rows(
        total=len(table),
        used=int(used.sum()),
        without_success=int((~tracked).sum()),
        excluded=int(in_stretches(table, gate.excluded).sum()),
        low_confidence=int((tracked & ~(table["confidence"] >= gate.confidence)).sum()),
    )


def _frames(table: pd.DataFrame, used: NDArray[np.bool_], facts: ManifestReader) -> Frames:
    frame = table["frame"]
    return Frames(
        expected=facts.frame_count("expected"),
        decoded=facts.frame_count("decoded"),
        written=int(frame.nunique()),
        with_face=int(frame[table["success"] == 1].nunique()),
        used=int(frame[used].nunique()),
    )


def _histogram(confidence: Numbers) -> Histogram:
    known = np.clip(confidence[np.isfinite(confidence)], 0, 1)
    counts, edges = np.histogram(known, bins=BINS, range=(0, 1))
    return Histogram(edges=[round(float(edge), 2) for edge in edges], counts=[int(count) for count in counts])


def _not_measured(table: pd.DataFrame) -> list[str]:
    columns = [name for name in table.columns if re.fullmatch(r"AU\d\d_[rc]", name)]
    return [name for name in columns if len(table) and not np.isfinite(table[name]).any()]


def _tracks(table: pd.DataFrame, used: NDArray[np.bool_], facts: ManifestReader) -> list[Track]:
    faces = table["face_id"].to_numpy()
    numbers = [int(number) for number in np.unique(faces[np.isfinite(faces)])]
    return [_track(number, table[faces == number], table[used & (faces == number)], facts) for number in numbers]


def _track(number: int, rows: pd.DataFrame, used: pd.DataFrame, facts: ManifestReader) -> Track:
    return Track(
        face_id=number,
        rows=len(rows),
        rows_used=len(used),
        observed_s=round(_seconds(used), 3),
        confidence=spread(rows["confidence"]),
        face_height_px=spread(used["box_height"]),
        action_units={unit: _action_unit(unit, used, facts) for unit in action_units(list(rows.columns))},
        head_pose=Pose(**{name: _pose(used, name) for name in POSE}),
        gaze=Gaze(**{name: _degrees(used, column) for name, column in GAZE.items()}),
        blinks=_blinks(used),
    )


def _seconds(used: pd.DataFrame) -> float:
    return float(used[LASTS].sum())


def _pose(used: pd.DataFrame, name: str) -> Spread | None:
    column = POSE[name]
    if name.endswith("_deg"):
        return _degrees(used, column)
    return spread(used[column]) if column in used else None


def _degrees(used: pd.DataFrame, column: str) -> Spread | None:
    return spread(np.degrees(used[column])) if column in used else None


def spread(values: pd.Series[float]) -> Spread | None:
    """Describe the distribution of the finite values; None where there is none."""
    finite = values.to_numpy(dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return None
    low, p5, p25, p50, p75, p95, high = (_round(value) for value in np.percentile(finite, [0, 5, 25, 50, 75, 95, 100]))
    return Spread(
        n=len(finite),
        mean=_round(finite.mean()),
        sd=_round(finite.std()),
        min=low,
        p5=p5,
        p25=p25,
        p50=p50,
        p75=p75,
        p95=p95,
        max=high,
    )


def _action_unit(unit: str, used: pd.DataFrame, facts: ManifestReader) -> ActionUnit:
    intensity, presence = _values(used, f"{unit}_r"), _values(used, f"{unit}_c")
    return ActionUnit(
        support=support(unit, facts),
        intensity=_intensity(used, unit, intensity),
        presence=_presence(used, presence),
        disagree_share=_disagree(intensity, presence),
    )


def _values(used: pd.DataFrame, column: str) -> Numbers | None:
    """The values of a column; None where none was measured."""
    if column not in used:
        return None
    values = used[column].to_numpy(dtype=np.float64)
    return values if np.isfinite(values).any() else None


def support(unit: str, facts: ManifestReader) -> Support:
    """How well the engine measures a unit: the better of intensity and presence, as the engine states it."""
    said = {facts.au_support.get(f"{unit}_{kind}") for kind in "rc"} - {None}
    if not said or "supported" in said:
        return "supported"
    return "weak" if "weak" in said else "not_estimable"


def _intensity(used: pd.DataFrame, unit: str, values: Numbers | None) -> Intensity | None:
    found = spread(used[f"{unit}_r"]) if values is not None else None
    if values is None or found is None:
        return None
    return Intensity(spread=found, events=_events(events_of(used, values, finding.INTENSITY), used))


def _presence(used: pd.DataFrame, values: Numbers | None) -> Presence | None:
    if values is None:
        return None
    share = _round(float((values[np.isfinite(values)] == 1).mean()))
    return Presence(share=share, events=_events(events_of(used, values, finding.PRESENCE), used))


def events_of(used: pd.DataFrame, values: Numbers, rule: EventRule) -> list[Event]:
    """Find events in the rows of one face that pass the gate."""
    times_s, lasts_s = (used[name].to_numpy(dtype=np.float64) for name in ("timestamp", LASTS))
    return finding.events(times_s, values, lasts_s, rule)


def _events(found: Sequence[Event], used: pd.DataFrame) -> Events:
    highest = sorted(found, key=lambda event: -event.peak)[:PEAKS]
    return Events(
        count=len(found),
        per_minute=_per_minute(len(found), _seconds(used)),
        mean_length_s=_mean_length(found),
        peaks=sorted(highest, key=lambda event: event.start_s),
    )


def _blinks(used: pd.DataFrame) -> Blinks | None:
    values = _values(used, "AU45_r")
    if values is None:
        return None
    rule = finding.BLINK
    closures = events_of(used, values, rule)
    blinks = finding.shorter_than(closures, rule.longest_s or math.inf)
    return Blinks(
        count=len(blinks),
        per_minute=_per_minute(len(blinks), _seconds(used)),
        mean_length_s=_mean_length(blinks),
        longer_closures=len(closures) - len(blinks),
    )


def _per_minute(count: int, observed_s: float) -> float | None:
    return _round(60 * count / observed_s) if observed_s >= finding.LEAST_OBSERVED_S else None


def _mean_length(found: Sequence[Event]) -> float | None:
    return _round(float(np.mean([event.end_s - event.start_s for event in found]))) if found else None


def _disagree(intensity: Numbers | None, presence: Numbers | None) -> float | None:
    if intensity is None or presence is None:
        return None
    known = np.isfinite(intensity) & np.isfinite(presence)
    if not known.any():
        return None
    odd = np.where(presence == 1, intensity == 0, intensity >= finding.INTENSITY.onset)
    return _round(float(odd[known].mean()))


def _faces(table: pd.DataFrame, used: NDArray[np.bool_], facts: ManifestReader) -> list[Face]:
    units = action_units(list(table.columns))
    return [_face(row, bool(counts), units, facts) for row, counts in zip(table.to_dict("records"), used, strict=True)]


def _face(row: Mapping[Any, float], used: bool, units: Sequence[str], facts: ManifestReader) -> Face:
    box = [_number(row, name) for name in BOX]
    return Face(
        face=int(row["face"]),
        used=used,
        confidence=_number(row, "confidence"),
        box_px=None if None in box else [side for side in box if side is not None],
        head_pose={name: _number(row, column, name.endswith("_deg")) for name, column in POSE.items()},
        gaze={name: _number(row, column, True) for name, column in GAZE.items()},
        action_units={unit: _unit_of_picture(row, unit, facts) for unit in units},
    )


def _unit_of_picture(row: Mapping[Any, float], unit: str, facts: ManifestReader) -> ActionUnitOfPicture:
    presence = _number(row, f"{unit}_c")
    return ActionUnitOfPicture(
        support=support(unit, facts),
        intensity=_number(row, f"{unit}_r"),
        presence=None if presence is None else int(presence),
    )


def _number(row: Mapping[Any, float], column: str, radians: bool = False) -> float | None:
    value = row.get(column, math.nan)
    if not math.isfinite(value):
        return None
    return _round(math.degrees(value) if radians else value)


def _round(value: float) -> float:
    return round(float(value), DIGITS)
