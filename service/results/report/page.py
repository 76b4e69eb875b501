"""From a summary, a table and a picture to `report.html`: which plots, which words, which tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from service.engine.column_meanings import meanings
from service.engine.columns import ACTION_UNIT_NAMES
from service.jobs.options import Media
from service.results import events as finding
from service.results.cautions import GENERAL
from service.results.citations import bibliography, publications
from service.results.manifest_reader import ManifestReader
from service.results.methods import certificate, methods
from service.results.quality_gate import passes
from service.results.report.face_svg import FaceDrawing
from service.results.report.picture import Picture
from service.results.report.plots import LINES, Signal, histogram, over_time
from service.results.summary import GAZE, POSE, events_of, frame_seconds
from service.results.summary_model import EventRule, Summary, Track
from service.sandbox.process import clean

POSE_WORDS = {
    "pitch_deg": ("Pitch", "°", "nodding; positive is downwards"),
    "yaw_deg": ("Yaw", "°", "turning; positive is to the left in the picture"),
    "roll_deg": ("Roll", "°", "tilting; positive is clockwise in the picture"),
    "x_mm": ("X", "mm", "to the right in the picture"),
    "y_mm": ("Y", "mm", "down in the picture"),
    "z_mm": ("Z", "mm", "away from the camera"),
}
GAZE_WORDS = {
    "x_deg": ("Across", "°", "positive to the right in the picture"),
    "y_deg": ("Down", "°", "positive down"),
}
INTENSITY_BOUNDS = (-0.15, 5.0)
"""A little below 0, so that a line at 0 is not hidden by the axis."""
CARDS = 24
"""Faces of a picture that get a card of their own; all are in the table."""


@dataclass(frozen=True)
class ReportPicture:
    """The picture of a report.

    Attributes:
        picture: None where there is none, and then `missing` says why.
        caption: which picture it is.
    """

    picture: Picture | None
    drawings: tuple[FaceDrawing, ...]
    caption: str
    missing: str


@dataclass(frozen=True)
class Plot:
    """A drawing with its heading."""

    heading: str
    note: str
    svg: Markup


@dataclass(frozen=True)
class ColumnGroup:
    """Columns of one meaning that stand together."""

    names: str
    unit: str
    meaning: str
    caveat: str


def page(summary: Summary, table: pd.DataFrame, manifest: Mapping[str, Any], shown: ReportPicture) -> str:
    """The whole page: HTML without scripts and without anything to load."""
    facts = ManifestReader(manifest)
    plots = _Plots(summary, table, facts) if summary.tracks else None
    html: str = _template().render(
        summary=summary,
        facts=facts,
        title=clean(str(facts.job.get("blob") or "result")).replace("\n", " "),
        verdict=verdict(summary, facts),
        about=list(_about(summary, facts)),
        shown=shown,
        names=ACTION_UNIT_NAMES,
        pose_words=POSE_WORDS,
        gaze_words=GAZE_WORDS,
        cards=summary.faces[:CARDS],
        drawings={drawing.number: drawing for drawing in shown.drawings},
        confidence_plot=_confidence(summary) if summary.rows.total else None,
        plots=plots,
        general=GENERAL,
        methods=methods(summary, facts).strip(),
        bibliography=bibliography(facts).strip(),
        publications=publications(facts),
        certificate=certificate(summary, facts),
        columns=_columns(facts.media),
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False),
    )
    return html


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share}
    return environment.get_template("report.html.j2")


def number(value: float | None, digits: int = 2) -> str:
    """As it is shown; what was not measured is a dash, never 0."""
    if value is None:
        return "–"
    rounded = round(value, digits) + 0.0
    return f"{rounded:,.{digits}f}".replace("-", "−")


def share(value: float | None) -> str:
    """A share from 0 to 1 as a percentage."""
    return "–" if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def verdict(summary: Summary, facts: ManifestReader) -> str:
    """Whether the result is whole, and how much of it counts, in words."""
    return " ".join([_whole(summary), *(_faces_seen(summary) if facts.media == "image" else _frames_seen(summary))])


def _whole(summary: Summary) -> str:
    completeness = summary.completeness
    if completeness.verdict == "complete":
        return "Complete: the table covers the whole media."
    if completeness.verdict == "partial":
        return f"Partial: {completeness.reason}."
    return "Unknown: the manifest does not state whether the table is complete."


def _faces_seen(summary: Summary) -> Iterator[str]:
    rows = summary.rows
    if not rows.total:
        yield "No face was found in the picture. That is a result: the table has a header and no rows."
        return
    faces = f"{rows.total:,} face{'s' * (rows.total != 1)}"
    yield f"{faces} found; {rows.used:,} of a confidence of at least {summary.gate.confidence:g}."


def _frames_seen(summary: Summary) -> Iterator[str]:
    frames = summary.frames
    if frames is None or not frames.written:
        yield "The table has no frames."
        return
    whole = max(frames.expected or 0, frames.written)
    if not frames.with_face:
        yield f"No face was tracked in any of {whole:,} frames. That is a result."
        return
    yield f"A face was tracked in {frames.with_face:,} of {whole:,} frames ({share(frames.with_face / whole)});"
    yield (
        f"{frames.used:,} ({share(frames.used / whole)}) pass the quality gate, and the statistics below rest on them "
        "alone."
    )


def _about(summary: Summary, facts: ManifestReader) -> Iterator[tuple[str, str]]:
    """Names and values for the head of the page."""
    probe, engine = facts.probe, facts.engine
    size = f"{facts.size[0]} × {facts.size[1]} px" if facts.size else "size unknown"
    yield "Media", f"{facts.media}, {probe.get('format') or 'format unknown'}, {size}"
    if facts.media == "video":
        duration, rate = probe.get("duration_s"), facts.frame_rate
        yield "Length", f"{number(duration)} s at {number(rate)} frames a second" if duration and rate else "unknown"
    yield "Prepared", "; ".join(facts.preparation) or "nothing had to be changed"
    name = " ".join(str(part) for part in (engine.get("name"), engine.get("version")) if part) or "unknown"
    yield "Measured by", f"{name} ({engine.get('licence_class') or 'licence unknown'})"
    options = facts.job.get("options") or {}
    words = [facts.job.get("media_type"), f"faces={options.get('faces')}", f"au={options.get('au')}"]
    yield "Options", ", ".join(str(word) for word in words) if options else "unknown"
    yield "Analysed", f"{str(facts.attempt.get('finished') or 'unknown').replace('T', ' ')[:19]} UTC"
    yield "Job", str(facts.job.get("id") or "unknown")


def _confidence(summary: Summary) -> Plot:
    found = summary.confidence
    title = f"Histogram of the confidence of {sum(found.counts)} rows"
    svg = histogram("confidence", title, found.edges, found.counts, summary.gate.confidence)
    note = f"number of rows; the dashed line is the quality gate at {summary.gate.confidence:g}"
    return Plot("Confidence", note, Markup(svg))


class _Plots:
    """The drawings of a video: the faces with most rows that count, at most as many as there are colours."""

    def __init__(self, summary: Summary, table: pd.DataFrame, facts: ManifestReader) -> None:
        self._frame_s = frame_seconds(table, facts)
        last = float(table["timestamp"].max()) if len(table) else 0.0
        ends = [facts.probe.get("duration_s") or 0.0, last + self._frame_s if np.isfinite(last) else 0.0]
        self._duration_s = max(*ends, self._frame_s)
        self._used = passes(table, summary.gate)
        self._table = table
        most = sorted(summary.tracks, key=lambda track: -track.rows_used)[: len(LINES)]
        self.tracks: list[Track] = sorted(most, key=lambda track: track.face_id)
        self.left_out = len(summary.tracks) - len(self.tracks)

    def action_units(self) -> list[Plot]:
        """One for each that was measured."""
        units = {
            unit: found
            for track in self.tracks
            for unit, found in track.action_units.items()
            if found.intensity or found.presence
        }
        return [self._action_unit(unit) for unit in units]

    def head_pose(self) -> list[Plot]:
        return [self._pose(name, *POSE_WORDS[name]) for name in POSE if self._any(POSE[name])]

    def gaze(self) -> list[Plot]:
        return [
            self._plot(f"gaze-{name}", f"Gaze {word[0].lower()}", word[2], column, "°", degrees=True)
            for name, column in GAZE.items()
            for word in [GAZE_WORDS[name]]
            if self._any(column)
        ]

    def confidence(self) -> Plot:
        """Of all rows, with the stretches that do not count."""
        signals = [self._signal(track, "confidence", every=True) for track in self.tracks]
        svg = over_time(
            "tracked",
            "Confidence over time, with the stretches that do not count",
            signals,
            self._duration_s,
            self._frame_s,
            bounds=(0, 1.05),
            bands=self._not_counting(),
            band="--gap",
        )
        return Plot("Confidence over time", "grey: frames that do not count", Markup(svg))

    def _action_unit(self, unit: str) -> Plot:
        signals = [self._signal(track, f"{unit}_r") for track in self.tracks]
        alone = self.tracks[0] if len(self.tracks) == 1 else None
        bands = self._events(alone, f"{unit}_c", finding.PRESENCE) if alone else []
        marks = self._events(alone, f"{unit}_r", finding.INTENSITY) if alone else []
        levels = {track.action_units[unit].support for track in self.tracks}
        svg = over_time(
            f"{unit.lower()}",
            f"{unit}, {ACTION_UNIT_NAMES.get(unit, '')}: intensity over time",
            [signal for signal in signals if np.isfinite(signal.values).any()],
            self._duration_s,
            self._frame_s,
            bounds=INTENSITY_BOUNDS,
            bands=bands,
            events=marks,
        )
        note = "weak measure" if levels == {"weak"} else ""
        return Plot(f"{unit} {ACTION_UNIT_NAMES.get(unit, '')}", note, Markup(svg))

    def _pose(self, name: str, word: str, unit: str, note: str) -> Plot:
        degrees = name.endswith("_deg")
        return self._plot(f"pose-{name}", word, note, POSE[name], unit, degrees=degrees)

    def _plot(self, name: str, heading: str, note: str, column: str, unit: str, *, degrees: bool) -> Plot:
        factor = np.degrees(1.0) if degrees else 1.0
        signals = [self._signal(track, column) for track in self.tracks]
        scaled = [Signal(signal.times_s, signal.values * factor) for signal in signals]
        title = f"{heading} over time in {'degrees' if degrees else 'millimetres'}"
        svg = over_time(name.replace("_", "-"), title, scaled, self._duration_s, self._frame_s)
        return Plot(f"{heading}, {unit}", note, Markup(svg))

    def _any(self, column: str) -> bool:
        return bool(np.isfinite(self._table.loc[self._used, column]).any())

    def _rows(self, track: Track, *, every: bool = False) -> pd.DataFrame:
        own: NDArray[np.bool_] = (self._table["face_id"] == track.face_id).to_numpy()
        return self._table[own if every else own & self._used]

    def _signal(self, track: Track, column: str, *, every: bool = False) -> Signal:
        rows = self._rows(track, every=every)
        times = rows["timestamp"].to_numpy()
        # AU28 has a presence and no intensity.
        return Signal(times, rows[column].to_numpy() if column in rows else np.full(len(times), np.nan))

    def _events(self, track: Track, column: str, rule: EventRule) -> list[tuple[float, float]]:
        rows = self._rows(track)
        if column not in rows:
            return []
        found = events_of(rows, rows[column].to_numpy(), self._frame_s, rule)
        return [(event.start_s, event.end_s) for event in found]

    def _not_counting(self) -> list[tuple[float, float]]:
        times = np.unique(self._table.loc[self._used, "timestamp"].to_numpy())
        if not len(times):
            return [(0.0, self._duration_s)]
        starts = np.concatenate(([0.0], times + self._frame_s))
        ends = np.concatenate((times, [self._duration_s]))
        return [(float(a), float(b)) for a, b in zip(starts, ends, strict=True) if b - a > 0.5 * self._frame_s]


@cache
def _columns(media: Media) -> Sequence[ColumnGroup]:
    """The schema's columns, those of one meaning in one line."""
    found = []
    for (unit, meaning, caveat), same in groupby(meanings(media), lambda one: (one.unit, one.meaning, one.caveat)):
        names = [column.name for column in same]
        told = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} columns)"
        found.append(ColumnGroup(told, unit, meaning, caveat))
    return found
