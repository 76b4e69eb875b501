"""Results made in code: tables with OpenFace's columns, in folders as `analyse` and `download` leave them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from service.engine.columns import columns_for
from service.jobs.job import Media


def table(media: Media, rows: Sequence[Mapping[str, object]]) -> str:
    """A CSV; what a row does not name is an empty cell."""
    columns = columns_for(media)
    lines = [",".join(str(row.get(name, "")) for name in columns) for row in rows]
    return "\n".join([",".join(columns), *lines]) + "\n"


def face(number: int = 0, size: int = 100, confidence: float = 0.98, **values: object) -> dict[str, object]:
    """A picture's face, so many pixels wide and high."""
    landmarks = {f"{axis}_{i}": (size if i else 0) for axis in "xy" for i in range(68)}
    return {"face": number, "confidence": confidence, **landmarks, **values}


def frame(
    number: int, success: int = 1, face_id: int = 0, confidence: float = 0.98, **values: object
) -> dict[str, object]:
    """A video's frame."""
    head = {"frame": number, "face_id": face_id, "timestamp": (number - 1) / 30}
    return {**head, "confidence": confidence, "success": success, **values}


def result(folder: Path, media: Media, rows: Sequence[Mapping[str, object]], **manifest: Any) -> Path:
    """A folder with a table and its manifest; `manifest` replaces parts of it."""
    folder.mkdir(parents=True)
    text = table(media, rows).encode()
    (folder / "t.csv").write_bytes(text)
    told = {
        "schema": 1,
        "job": {
            "id": hashlib.sha256(str(folder).encode()).hexdigest()[:32],
            "container": "c-1",
            "blob": f"{folder.name}.{'jpg' if media == 'image' else 'mp4'}",
            "media": media,
            "media_type": "wild",
            "options": {"au": "static"},
            "generation": 0,
        },
        "outcome": "succeeded",
        "error": None,
        "media": {"sha256": "0" * 64, "probe": {"width": 640, "height": 480, "frame_rate": 30.0, "duration_s": 1.0}},
        "engine": {"name": "engine", "version": "1", "licence_class": "permissive", "au_support": {"AU02_r": "weak"}},
        "frames": {"expected": len(rows), "written": len(rows), "success": len(rows)} if media == "video" else None,
        "faces": 1,
        "completeness": {"verdict": "complete", "reason": None},
        "csv": {"name": "t.csv", "sha256": hashlib.sha256(text).hexdigest(), "rows": len(rows)},
    }
    (folder / "manifest.json").write_text(json.dumps(told | manifest))
    return folder
