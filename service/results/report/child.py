"""Child process that makes reports one after the other: it decodes uploads, and stays warm between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from service.engine.lite.geometry import Camera
from service.errors import AnalysisError
from service.results.annotations import Annotations
from service.results.citations import bibliography
from service.results.manifest_reader import ManifestReader
from service.results.methods import methods_file
from service.results.quality_gate import gate, passes
from service.results.report import face_svg, table_reader
from service.results.report import picture as poster
from service.results.report.files import BIBLIOGRAPHY, METHODS, REPORT, SUMMARY
from service.results.report.make import ReportRequest
from service.results.report.page import ReportPicture, page
from service.results.summary import summarise
from service.results.summary_model import Gate
from service.sandbox.child_loop import Act, Answer, serve
from service.storage.local_files import sha256_of

LARGEST_GROUP = 200
"""Rows of one frame, or faces of one picture, that are drawn."""


def _hello(_body: bytes) -> Answer:
    """Everything is imported."""
    return {"pandas": pd.__version__}, b""


def _report(
    _body: bytes,
    *,
    csv: str,
    manifest: dict[str, Any],
    upload: str | None,
    missing: str,
    confidence: float,
    annotations: dict[str, Any],
    job_page: str,
) -> Answer:
    """Make the files; their contents follow each other in the body, `sizes` has their lengths.

    A table that cannot be read is answered by `failed`.
    """
    try:
        request = ReportRequest(
            csv=Path(csv),
            manifest=manifest,
            upload=Path(upload) if upload else None,
            missing=missing,
            confidence=confidence,
            annotations=Annotations.model_validate(annotations),
            job_page=job_page,
        )
        made = files(request)
    except AnalysisError as error:
        return {"failed": error.message}, b""
    contents = {name: text.encode() for name, text in made.items()}
    return {"sizes": {name: len(content) for name, content in contents.items()}}, b"".join(contents.values())


def files(request: ReportRequest) -> dict[str, str]:
    """Make the four files by name. Raises MalformedOutput."""
    csv, manifest = request.csv, request.manifest
    facts, asked = ManifestReader(manifest), gate(request.confidence, request.annotations.spans)
    table = table_reader.read(csv, facts.media)
    summary = summarise(table, sha256_of(csv), manifest, asked)
    shown = _report_picture(csv, table, facts, asked, request.upload, request.missing)
    return {
        SUMMARY: summary.model_dump_json(indent=2) + "\n",
        METHODS: methods_file(summary, facts),
        BIBLIOGRAPHY: bibliography(facts),
        REPORT: page(summary, table, manifest, shown, request.annotations, request.job_page),
    }


def _report_picture(
    csv: Path, table: pd.DataFrame, facts: ManifestReader, asked: Gate, upload: Path | None, missing: str
) -> ReportPicture:
    if upload is None:
        return ReportPicture(None, (), "", missing)
    try:
        if facts.media == "video":
            return _of_video(csv, table, facts, asked, upload)
        return _of_picture(csv, facts, asked, upload)
    except AnalysisError as error:
        return ReportPicture(None, (), "", f"{error.message}.")


def _of_picture(csv: Path, facts: ManifestReader, asked: Gate, upload: Path) -> ReportPicture:
    picture = poster.picture(upload)
    drawings = _drawings(table_reader.read_rows(csv, 0, LARGEST_GROUP), facts, asked, picture)
    faces = f"{len(drawings)} face{'s' * (len(drawings) != 1)}" if drawings else "no face"
    return ReportPicture(picture, drawings, f"The uploaded picture, upright, with {faces} drawn over it.", "")


def _of_video(csv: Path, table: pd.DataFrame, facts: ManifestReader, asked: Gate, upload: Path) -> ReportPicture:
    used = passes(table, asked)
    first = poster.best_row(table, used)
    if first is None:
        return ReportPicture(None, (), "", "the table has no rows.")
    same = int((table["frame"] == table["frame"].iloc[first]).sum())
    time_s = float(table["timestamp"].iloc[first])
    picture = poster.video_frame(upload, time_s, facts.frame_rate or 25.0)
    rows = table_reader.read_rows(csv, first, min(same, LARGEST_GROUP)) if used[first : first + same].any() else []
    drawings = _drawings(rows, facts, asked, picture)
    why = poster.reason(table.iloc[first : first + same]) if drawings else "no frame passes the quality gate"
    number = int(table["frame"].iloc[first])
    return ReportPicture(picture, drawings, f"Frame {number:,} at {time_s:.2f} s ({why}), upright.", "")


def _drawings(
    rows: list[dict[str, float]], facts: ManifestReader, asked: Gate, picture: poster.Picture
) -> tuple[face_svg.FaceDrawing, ...]:
    camera = Camera(*facts.camera) if facts.camera else None
    found = (
        face_svg.draw(row, row.get("confidence", 0.0) >= asked.confidence, picture.width, picture.height, camera)
        for row in rows
    )
    return tuple(drawing for drawing in found if drawing)


_ACTS: dict[str, Act] = {"hello": _hello, "report": _report}

if __name__ == "__main__":
    serve(_ACTS)
