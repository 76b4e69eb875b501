"""Tables of OpenFace made in code, and an engine that plays tables back: every figure can be known beforehand."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.engine.columns import columns_for
from service.jobs.media_kind import Media

Row = dict[str, float]

OUTER_EYES_PX = 100.0

_PLAYER = """#!/bin/sh
# Plays back the medium's table: the arguments are -f MEDIUM -out_dir FOLDER -of NAME.csv …
out="$4/${6%.csv}"
printf 'Input:%s\\n' "$2" > "${out}_of_details.txt"
beside="${2%/*}"
table="${0%/*}/${beside##*/}-${2##*/}.played"
[ "${0##*/}" = FaceLandmarkVidMulti ] && table="${table}_multi"
[ -f "$table" ] || exit 0
printf 'Output csv:%s\\n' "$6" >> "${out}_of_details.txt"
cp "$table" "$out.csv"
"""


def player(folder: Path) -> Path:
    """Make an engine folder whose commands play `<medium>.played` (`.played_multi` for several faces), once given."""
    folder.mkdir()
    for name in ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti"):
        (folder / name).write_text(_PLAYER)
        (folder / name).chmod(0o755)
    return folder


def give(engine: Path, media: Path) -> None:
    """Copy the tables beside the media into the engine's folder: beside its medium an engine may read nothing."""
    for played in media.rglob("*.played*"):
        shutil.copy(played, engine / f"{played.parent.name}-{played.name}")


def face_row(media: Media, left: float = 200.0, top: float = 200.0, **changes: float) -> Row:
    """A face with everything measured, its outer eye corners `OUTER_EYES_PX` apart."""
    row = dict.fromkeys(columns_for(media), 0.25)
    row |= {"confidence": 0.98} | ({"frame": 1, "face_id": 0, "success": 1} if media == "video" else {"face": 0})
    spread = np.random.default_rng(1).integers(0, 150, (68, 2)).tolist()
    for i, (x, y) in enumerate(spread):
        row |= {f"x_{i}": left + x, f"y_{i}": top + y, f"X_{i}": x, f"Y_{i}": y, f"Z_{i}": 500.0}
    row |= {"x_36": left, "y_36": top + 50, "x_45": left + OUTER_EYES_PX, "y_45": top + 50}
    for i in range(56):
        row |= {f"eye_lmk_x_{i}": left + i, f"eye_lmk_y_{i}": top + 50}
    return row | changes


def video_row(frame: int, rate: float = 25.0, **changes: float) -> Row:
    """A frame of a video whose face moves to the right and whose action units vary."""
    row = face_row("video", left=200.0 + frame)
    row |= {"frame": frame, "timestamp": round((frame - 1) / rate, 3)}
    row |= {name: (frame * (3 + i)) % 7 / 2 for i, name in enumerate(row) if name.startswith("AU") and name[-1] == "r"}
    row |= {name: float((frame + i) % 3 == 0) for i, name in enumerate(row) if name[:2] == "AU" and name[-1] == "c"}
    return row | changes


def moved(row: Row, x: float, y: float, points: Sequence[int] = range(68)) -> Row:
    """Shift some landmarks of a face, in pixels."""
    return row | {f"x_{i}": row[f"x_{i}"] + x for i in points} | {f"y_{i}": row[f"y_{i}"] + y for i in points}


def write(table: Path, media: Media, rows: Sequence[Row], separator: str = ",") -> None:
    """A CSV of OpenFace; nan becomes an empty cell."""
    columns = columns_for(media)
    cells = [["" if math.isnan(row[name]) else f"{row[name]:.6g}" for name in columns] for row in rows]
    table.write_text("".join(separator.join(line) + "\n" for line in [list(columns), *cells]))


def pair(medium: Path, reference: Sequence[Row], engine: Sequence[Row], separator: str = ",") -> None:
    """A medium with a reference beside it, and what the player will say of it; no rows at all is no CSV."""
    media: Media = "video" if medium.suffix == ".mp4" else "image"
    medium.parent.mkdir(exist_ok=True)
    medium.write_bytes(b"played, not decoded")
    if reference:
        write(medium.with_suffix(".csv"), media, reference, separator)
    else:
        medium.with_name(f"{medium.stem}_of_details.txt").write_text(f"Input:{medium.name}\n")
    if engine:
        write(medium.with_name(f"{medium.name}.played"), media, engine)
