"""Child process that makes posters: it decodes uploads, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import gate, passes
from service.results.report import picture, table_reader
from service.sandbox.child_loop import Act, Answer, serve

SIDE = 320
"""Longest side in pixels."""


def _hello(_body: bytes) -> Answer:
    """Everything is imported."""
    return {}, b""


def _poster(_body: bytes, *, csv: str, upload: str, manifest: dict[str, Any]) -> Answer:
    """Make a JPEG of a picture, or of a video's frame with open eyes and high confidence. Raises UnreadableMedia."""
    facts = ManifestReader(manifest)
    if facts.media == "image":
        return {}, picture.picture(Path(upload), SIDE).jpeg
    table = table_reader.read(Path(csv), "video")
    row = picture.best_row(table, passes(table, gate()))
    time_s = 0.0 if row is None else float(table["timestamp"].iloc[row])
    return {}, picture.video_frame(Path(upload), time_s, facts.frame_rate or 25.0, SIDE).jpeg


_ACTS: dict[str, Act] = {"hello": _hello, "poster": _poster}

if __name__ == "__main__":
    serve(_ACTS)
