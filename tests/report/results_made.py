"""Results as the real OpenFace would leave them, made in code: every action unit measured, values that are known."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.engine.columns import INTENSITIES, PRESENCES, VIDEO_COLUMNS

RATE = 30
WIDTH, HEIGHT = 640, 480
BLINK_EVERY, BLINK_FRAMES = 3 * RATE, 5
SMILE = range(60, 150)
LOST = range(200, 210)
DOUBTED = range(220, 225)

Cells = Callable[[int], dict[str, str]]


def _fixed() -> dict[str, str]:
    """A face that does not move: landmarks on an ellipse in the middle."""
    cells = dict.fromkeys(VIDEO_COLUMNS, "0.0")
    for i in range(68):
        x, y = 320 + 80 * math.cos(i), 240 + 100 * math.sin(i)
        cells |= {f"x_{i}": f"{x:.1f}", f"y_{i}": f"{y:.1f}"}
    for i in range(56):
        side = -1 if i < 28 else 1
        cells |= {f"eye_lmk_X_{i}": f"{side * 30.0}", f"eye_lmk_Y_{i}": "-20.0", f"eye_lmk_Z_{i}": "500.0"}
    return cells | {"gaze_0_z": "-1.0", "gaze_1_z": "-1.0", "pose_Tz": "500.0"}


def cells_of(frame: int) -> dict[str, str]:
    """What varies: a smile, blinks, a nodding head, ten lost frames, five doubtful ones; `frame` from 1."""
    t = (frame - 1) / RATE
    smiling, closed = frame in SMILE, (frame % BLINK_EVERY) < BLINK_FRAMES
    lost, doubted = frame in LOST, frame in DOUBTED
    return {
        "frame": f"{frame}",
        "face_id": "0",
        "timestamp": f"{t:.3f}",
        "confidence": "0.02" if lost else "0.50" if doubted else "0.98",
        "success": "0" if lost else "1",
        # In lost frames OpenFace leaves what is there: a caller who forgets the gate gets a 5.
        "AU12_r": "5.00" if lost or doubted else "3.10" if smiling else "0.20",
        "AU12_c": "1.00" if smiling else "0.00",
        "AU45_r": "2.50" if closed else "0.10",
        "AU45_c": "0.00",
        "AU28_c": "1.00" if frame % 2 else "0.00",
        "pose_Rx": f"{0.2 * math.sin(t):.3f}",
        "pose_Ry": f"{0.1 * math.cos(t / 2):.3f}",
        "gaze_angle_x": f"{0.3 * math.sin(t / 3):.3f}",
    }


def write_table(path: Path, frames: int, cells: Cells = cells_of) -> Path:
    """A table of so many frames; the cells that never vary are joined once, since long ones take long."""
    fixed, varying = _fixed(), cells(1)
    pattern = ",".join(f"{{{name}}}" if name in varying else fixed[name] for name in VIDEO_COLUMNS)
    with path.open("w") as file:
        file.write(",".join(VIDEO_COLUMNS) + "\n")
        file.writelines(pattern.format_map(cells(frame)) + "\n" for frame in range(1, frames + 1))
    return path


def manifest_of(csv: Path, frames: int, blob: str = "clip.mp4", **engine: Any) -> dict[str, Any]:
    """The manifest that belongs to such a table."""
    data = csv.read_bytes()
    return {
        "schema": 1,
        "job": {
            "id": "0123456789abcdef0123456789abcdef",
            "container": "uploads",
            "blob": blob,
            "media": "video",
            "media_type": "wild",
            "options": {"faces": "one", "au": "dynamic", "multi_view": True},
        },
        "attempt": {"id": "a1", "finished": "2026-01-02T03:04:05.678+00:00"},
        "outcome": "succeeded",
        "media": {
            "bytes": 1,
            "sha256": "ab" * 32,
            "probe": {
                "format": "mp4",
                "width": WIDTH,
                "height": HEIGHT,
                "duration_s": frames / RATE,
                "frame_rate": float(RATE),
            },
            "preparation": [],
        },
        "engine": {
            "name": "OpenFace",
            "version": "2.2.0",
            "commit": "c" * 40,
            "licence_class": "research-only",
            "models": {},
            "au_support": dict.fromkeys((*INTENSITIES, *PRESENCES), "supported"),
            "command": "FeatureExtraction",
            "exit_code": 0,
            **engine,
        },
        "frames": {"expected": frames, "decoded": None, "written": frames, "success": frames},
        "completeness": {"verdict": "complete", "reason": None},
        "csv": {
            "name": csv.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "rows": frames,
            "columns": len(VIDEO_COLUMNS),
        },
        "service_version": "0.0.0",
    }
