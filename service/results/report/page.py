"""Write `report.html` from a summary, a table and a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from service.engine.column_meanings import meanings
from service.engine.columns import ACTION_UNIT_NAMES
from service.jobs.media_kind import Media
from service.jobs.names import file_name
from service.jobs.options import later_options
from service.results.annotations import NO_ANNOTATIONS, Annotations
from service.results.cautions import GENERAL
from service.results.citations import bibliography, publications
from service.results.manifest_reader import CAMERA, ManifestReader
from service.results.methods import certificate, methods
from service.results.report.charts import clock, histogram
from service.results.report.face_svg import FaceDrawing
from service.results.report.picture import Picture
from service.results.report.timeline import GAZE_WORDS, POSE_WORDS, Timeline
from service.results.summary_model import Summary
from service.sandbox.printable import clean

_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FEW_ROWS = 5
"""Rows below which a histogram shows less than the numbers."""
CARDS = 24
"""Faces of a picture that get a card each; `summary.json` has all."""


@dataclass(frozen=True)
class ReportPicture:
    """The picture of a report, with its drawings.

    Attributes:
        picture: None where there is none, for the reason in `missing`.
    """

    picture: Picture | None
    drawings: tuple[FaceDrawing, ...]
    caption: str
    missing: str


@dataclass(frozen=True)
class ColumnGroup:
    """Columns of one meaning."""

    names: str
    unit: str
    meaning: str
    caveat: str


def page(
    summary: Summary,
    table: pd.DataFrame,
    manifest: Mapping[str, Any],
    shown: ReportPicture,
    annotations: Annotations = NO_ANNOTATIONS,
    job_page: str = "",
) -> str:
    """Render the page: HTML without scripts and without outside resources."""
    facts = ManifestReader(manifest)
    timeline = Timeline(summary, table, facts) if summary.tracks and facts.has_times else None
    html: str = _template().render(
        summary=summary,
        facts=facts,
        title=clean(file_name(str(facts.job.get("blob") or "result"))).replace("\n", " "),
        verdict=verdict(summary, facts),
        about=list(_about(summary, facts)),
        shown=shown,
        job_page=job_page,
        names=ACTION_UNIT_NAMES,
        pose_words=POSE_WORDS,
        gaze_words=GAZE_WORDS,
        cards=summary.faces[:CARDS],
        drawings={drawing.number: drawing for drawing in shown.drawings},
        confidence_chart=_confidence(summary) if summary.rows.total >= FEW_ROWS else None,
        timeline=timeline,
        excluded=[(clock(each.start_s, 0.5), clock(each.end_s, 0.5), each) for each in annotations.excluded],
        groups=timeline.groups() if timeline else [],
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
    environment.filters |= {"number": number, "share": share, "visible": visible}
    return environment.get_template("report.html.j2")


def visible(text: str) -> str:
    """Show characters that turn the direction of text unseen, as in `photo<U+202E>gpj.exe`."""
    return _DIRECTIONS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def number(value: float | None, digits: int = 2) -> str:
    """Format a number; a dash where it was not measured, never 0."""
    if value is None:
        return "–"
    rounded = round(value, digits) + 0.0
    return f"{rounded:,.{digits}f}".replace("-", "−")


def share(value: float | None) -> str:
    """Format a share from 0 to 1 as a percentage."""
    return "–" if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def verdict(summary: Summary, facts: ManifestReader) -> str:
    """Say in words whether the result is complete, and how much of it passes the gate."""
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
    """Yield names and values for the head of the page."""
    probe, engine = facts.probe, facts.engine
    size = f"{facts.size[0]} × {facts.size[1]} px" if facts.size else "size unknown"
    yield "Media", f"{facts.media}, {probe.get('format') or 'format unknown'}, {size}"
    if not facts.has_times:
        yield "Length", f"{len(facts.files):,} pictures in a sequence, without times"
    elif facts.media == "video":
        duration, rate = facts.probed("duration_s"), facts.frame_rate
        yield "Length", f"{number(duration)} s at {number(rate)} frames per second" if duration and rate else "unknown"
    yield "Prepared", "; ".join(facts.preparation) or "nothing had to be changed"
    name = " ".join(str(part) for part in (engine.get("name"), engine.get("version")) if part) or "unknown"
    yield "Measured by", f"{name} ({engine.get('licence_class') or 'licence unknown'})"
    if facts.camera and facts.camera_source != "guess":
        values = ", ".join(f"{name} {value:.6g}" for name, value in zip(CAMERA, facts.camera, strict=True))
        yield "Camera", f"{values} pixels ({facts.camera_source})"
    options = facts.options
    words = [facts.job.get("media_type"), f"faces={options.get('faces')}", f"au={options.get('au')}"]
    words += [f"{name}={options[name]}" for name in later_options() if name in options]
    yield "Options", ", ".join(str(word) for word in words) if options else "unknown"
    yield "Analysed", f"{str(facts.attempt.get('finished') or 'unknown').replace('T', ' ')[:19]} UTC"
    yield "Job", str(facts.job.get("id") or "unknown")


def _confidence(summary: Summary) -> Markup:
    found = summary.confidence
    title = f"Histogram of the confidence of {sum(found.counts)} rows"
    return histogram(title, found.edges, found.counts, summary.gate.confidence)


@cache
def _columns(media: Media) -> Sequence[ColumnGroup]:
    """Group the schema's columns by meaning."""
    found = []
    for (unit, meaning, caveat), same in groupby(meanings(media), lambda one: (one.unit, one.meaning, one.caveat)):
        names = [column.name for column in same]
        label = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} columns)"
        found.append(ColumnGroup(label, unit, meaning, caveat))
    return found
