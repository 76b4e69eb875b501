"""Put the table of a part into the file's own frame numbers and coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from service.engine.columns import LANDMARKS_X, LANDMARKS_Y, columns_for
from service.engine.csv_blocks import Block, blocks, check_header, header_line
from service.engine.hashed_file import HashedFile
from service.engine.table import Table
from service.jobs.media_kind import Media
from service.sandbox.preparation import Prepared

EYE_POINTS = 56
ACROSS = (*LANDMARKS_X, *(f"eye_lmk_x_{i}" for i in range(EYE_POINTS)), "p_tx")
DOWN = (*LANDMARKS_Y, *(f"eye_lmk_y_{i}" for i in range(EYE_POINTS)), "p_ty")
"""Columns in pixels of the picture; all others are angles, millimetres before the camera, or shares."""


def place_table(table: Table, media: Media, prepared: Prepared, publish_as: Path) -> Table:
    """Write the table with the numbers that frames have in the file, and coordinates of the whole picture.

    Everything else stays as it is, `last_frame` included: it counts the engine's frames.
    """
    columns = columns_for(media)
    region = prepared.part.region
    shifts = dict.fromkeys(ACROSS, region.x) | dict.fromkeys(DOWN, region.y) if region else {}
    with table.path.open("rb") as source, publish_as.open("wb") as file:
        check_header(source, columns)
        out = HashedFile(file)
        out.write(header_line(columns))
        for lines in _placed(blocks(source, columns), columns, prepared.numbers, shifts):
            out.write(lines)
    return replace(table, path=publish_as, sha256=out.sha256, bytes=out.bytes)


def number_frames(people: dict[str, Any], numbers: Sequence[int]) -> None:
    """Put the frames of a `people.json` into the file's numbers."""
    for entry in (*people["people"], *people["tracks"]):
        for name in ("first_frame", "last_frame"):
            entry[name] = _number(entry[name], numbers)


def _placed(
    found: Iterable[Block], columns: Sequence[str], numbers: Sequence[int] | None, shifts: dict[str, int]
) -> Iterator[bytes]:
    moved = [(columns.index(name), shift) for name, shift in shifts.items()]
    frame = columns.index("frame") if numbers is not None else None
    for block in found:
        rows = []
        for line, values in zip(block.lines.splitlines(), block.values, strict=True):
            cells = line.split(b",")
            for place, shift in moved:
                if np.isfinite(values[place]):
                    cells[place] = _shifted(cells[place], values[place] + shift)
            if frame is not None and numbers is not None:
                cells[frame] = b"%d" % _number(values[frame], numbers)
            rows.append(b",".join(cells))
        yield b"".join(row + b"\n" for row in rows)


def _shifted(cell: bytes, value: float) -> bytes:
    """Write a value with as many decimals as the cell has."""
    return b"%.*f" % (len(cell.partition(b".")[2]), value)


def _number(frame: float, numbers: Sequence[int]) -> int:
    """Return the number in the file; frames beyond the known ones count on."""
    place = int(frame)
    return numbers[place - 1] if 1 <= place <= len(numbers) else numbers[-1] + place - len(numbers)
