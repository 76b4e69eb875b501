"""Split a video with many faces into tiles, and join the tables of the tiles.

OpenFace follows four faces at most. A recording of a meeting shows its people in a grid; a run of its own for each
cell of the grid measures them all.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from service.engine.columns import columns_for
from service.engine.csv_blocks import Block, blocks, check_header
from service.engine.output import FACE_ID, FRAME, write_table
from service.engine.table import Table
from service.jobs.options import FACES_FOLLOWED
from service.jobs.part import Region

FACE_IDS_A_TILE = FACES_FOLLOWED
"""Tile k, counted from 0, has the numbers from 4 k on: its faces keep the order of their own run."""
_ROWS_A_BLOCK = 512


def grid(faces: int, width: int, height: int) -> list[Region]:
    """Return the cells of the grid in which programs for meetings show this number of people, row by row."""
    longer = math.ceil(math.sqrt(faces))
    shorter = math.ceil(faces / longer)
    across, down = (longer, shorter) if width >= height else (shorter, longer)
    xs, ys = (
        [length * part // parts for part in range(parts + 1)] for length, parts in ((width, across), (height, down))
    )
    return [
        Region(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
        for row in range(down)
        for column in range(across)
    ]


def join_tables(tables: Sequence[Path], publish_as: Path) -> Table:
    """Join the tables of tiles, in the order of the tiles: by frame, then by tile, with numbers of faces of the whole.

    Args:
        tables: checked ones, in coordinates of the whole picture.
    """
    rows = heapq.merge(*(_rows(path, tile) for tile, path in enumerate(tables)), key=lambda row: row[:2])
    return write_table("video", _in_blocks(rows), publish_as)


_Row = tuple[float, int, bytes, "np.ndarray[tuple[int], np.dtype[np.float64]]"]


def _rows(path: Path, tile: int) -> Iterator[_Row]:
    """Yield frame, tile, line and values of each row, its face numbered anew."""
    columns = columns_for("video")
    with path.open("rb") as file:
        check_header(file, columns)
        for block in blocks(file, columns):
            for line, values in zip(block.lines.splitlines(), block.values, strict=True):
                face_id = tile * FACE_IDS_A_TILE + int(values[FACE_ID])
                cells = line.split(b",", FACE_ID + 1)
                cells[FACE_ID] = b"%d" % face_id
                own = values.copy()
                own[FACE_ID] = face_id
                yield float(values[FRAME]), tile, b",".join(cells) + b"\n", own


def _in_blocks(rows: Iterable[_Row]) -> Iterator[Block]:
    rest = iter(rows)
    while some := list(islice(rest, _ROWS_A_BLOCK)):
        yield Block(b"".join(line for _, _, line, _ in some), np.stack([values for _, _, _, values in some]))
