"""The child's entry: `python -m service.results.report REQUEST.json`, which names what to read and where to write."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from service.errors import AnalysisError
from service.results.citations import bibliography
from service.results.manifest_reader import ManifestReader
from service.results.methods import methods_file
from service.results.quality_gate import gate, passes
from service.results.report import face_svg, table_reader
from service.results.report import picture as poster
from service.results.report.files import BIBLIOGRAPHY, METHODS, REPORT, SUMMARY
from service.results.report.page import ReportPicture, page
from service.results.summary import summarise
from service.results.summary_model import Gate
from service.storage.local_files import sha256_of

LARGEST_GROUP = 200
"""Rows of one frame, or faces of one picture, that are drawn."""


def main(request: dict[str, Any]) -> None:
    """Write the four files."""
    csv, out, manifest = Path(request["csv"]), Path(request["out"]), request["manifest"]
    facts, asked = ManifestReader(manifest), gate(request["confidence"])
    table = table_reader.read(csv, facts.media)
    summary = summarise(table, sha256_of(csv), manifest, asked)
    upload = Path(request["upload"]) if request["upload"] else None
    shown = _report_picture(csv, table, facts, asked, upload, request["missing"])
    (out / SUMMARY).write_text(summary.model_dump_json(indent=2) + "\n", "utf-8")
    (out / METHODS).write_text(methods_file(summary, facts), "utf-8")
    (out / BIBLIOGRAPHY).write_text(bibliography(facts), "utf-8")
    (out / REPORT).write_text(page(summary, table, manifest, shown), "utf-8")


def _report_picture(
    csv: Path, table: pd.DataFrame, facts: ManifestReader, asked: Gate, upload: Path | None, missing: str
) -> ReportPicture:
    if upload is None:
        return ReportPicture(None, (), "", missing)
    try:
        return (
            _of_video(csv, table, facts, asked, upload) if facts.media == "video" else _of_picture(csv, asked, upload)
        )
    except AnalysisError as error:
        return ReportPicture(None, (), "", f"{error.message}.")


def _of_picture(csv: Path, asked: Gate, upload: Path) -> ReportPicture:
    picture = poster.picture(upload)
    drawings = _drawings(table_reader.read_rows(csv, 0, LARGEST_GROUP), asked, picture)
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
    drawings = _drawings(rows, asked, picture)
    why = "a head pose near the median" if drawings else "nothing counts, so the middle was taken"
    number = int(table["frame"].iloc[first])
    return ReportPicture(picture, drawings, f"Frame {number:,} at {time_s:.2f} s ({why}), upright.", "")


def _drawings(rows: list[dict[str, float]], asked: Gate, picture: poster.Picture) -> tuple[face_svg.FaceDrawing, ...]:
    found = (
        face_svg.draw(row, row.get("confidence", 0.0) >= asked.confidence, picture.width, picture.height)
        for row in rows
    )
    return tuple(drawing for drawing in found if drawing)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
