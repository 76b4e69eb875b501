"""Read OpenFace's CSV in blocks: both dialects in, one out, every cell checked, values verbatim.

Works on bytes and lets pandas' C parser judge the numbers: an hour of video is half a gigabyte of cells.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from service.errors import MalformedOutput
from service.sandbox.printable import clean

BLOCK_BYTES = 4 << 20
"""Size of one read; memory stays at a few times this, however long the video."""
LINE_BYTES = 64 << 10
"""Longest line; OpenFace's are about 5 kB."""
FEW_BYTES = 32 << 10
"""Smaller tables are parsed cell by cell: pandas takes 13 ms to set up 711 columns, a picture's row 0.2 ms."""
LEGACY_COLUMNS = 431

_PLAIN = b"0123456789+-.eE,\n"
_BLANKS = re.compile(rb"[ \t]*([,\n])[ \t]*")
_NOT_FINITE = re.compile(rb"(?<![^,\n])[-+]?(?:nan(?:\([a-z0-9_]*\))?|inf(?:inity)?)(?=[,\n])", re.IGNORECASE)
_NUMBER = re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Block:
    """A block of whole rows.

    Attributes:
        lines: their bytes in the published dialect.
        values: float64, rows by columns; empty, nan and inf cells are nan.
    """

    lines: bytes
    values: NDArray[np.float64]


def check_header(file: IO[bytes], expected: Sequence[str]) -> None:
    """Compare the first line with the schema.

    Raises:
        MalformedOutput: empty, cut, of an OpenFace before 2.0, or with other columns; names the first few.
    """
    line = file.readline(LINE_BYTES)
    if not line.endswith(b"\n"):
        raise MalformedOutput("the table is empty" if not line else "the table's header is cut short", torn=True)
    found = tuple(name.strip() for name in line.decode("utf-8", "replace").split(","))
    if found == tuple(expected):
        return
    if len(found) == LEGACY_COLUMNS and "face_id" not in found:
        raise MalformedOutput(
            "the table has 431 columns, as versions older than OpenFace 2.0 write it; install 2.0 or later"
        )
    raise MalformedOutput(f"the table's columns are not OpenFace 2.x's: {_difference(found, expected)}")


def header_line(columns: Sequence[str]) -> bytes:
    """Return the first line of a published table."""
    return ",".join(columns).encode() + b"\n"


def blocks(file: IO[bytes], columns: Sequence[str]) -> Iterator[Block]:
    """Yield the rows after the header, checked.

    Raises:
        MalformedOutput: a row with too few or too many cells, a cell that is no number, or a torn last line.
    """
    rows = 0
    for raw in _whole_lines(file):
        lines = _bare_commas(raw)
        _check_cells(lines, len(columns), rows)
        values = _values(lines, columns, rows)
        rows += len(values)
        yield Block(lines, values)


def with_times(found: Iterable[Block], columns: Sequence[str], times: Sequence[float]) -> Iterator[Block]:
    """Put the frames' own presentation times in place of the engine's, which takes every frame rate for constant.

    Args:
        times: seconds, of frame 1 and on. A frame beyond them has none: its cell is empty.
    """
    frame, stamp = columns.index("frame"), columns.index("timestamp")
    for block in found:
        numbers = block.values[:, frame]
        known = np.isfinite(numbers) & (numbers >= 1) & (numbers <= len(times))
        own = np.full(len(numbers), np.nan)
        own[known] = np.asarray(times)[numbers[known].astype(np.int64) - 1]
        cells = [b"" if np.isnan(time_s) else b"%.3f" % time_s for time_s in own]
        values = block.values.copy()
        values[:, stamp] = own
        yield Block(_with_cells(block.lines, stamp, cells, len(columns)), values)


def _with_cells(lines: bytes, column: int, cells: Sequence[bytes], columns: int) -> bytes:
    """Replace one cell of every row; no first or last one."""
    commas = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == ord(",")).reshape(-1, columns - 1)
    pieces, place = [], 0
    for start, end, cell in zip(commas[:, column - 1] + 1, commas[:, column], cells, strict=True):
        pieces += [lines[place:start], cell]
        place = end
    return b"".join([*pieces, lines[place:]])


def _difference(found: Sequence[str], expected: Sequence[str]) -> str:
    missing = [name for name in expected if name not in set(found)]
    extra = [name for name in found if name not in set(expected)]
    parts = [
        f"{len(names)} {word} ({_quoted(names)})" for word, names in (("missing", missing), ("unknown", extra)) if names
    ]
    return ", ".join(parts) or f"{len(found)} in another order, or twice"


def _quoted(names: Sequence[str], at_most: int = 5) -> str:
    shown = ", ".join(clean(name)[:40].replace("\n", " ") or "''" for name in names[:at_most])
    return shown + (", …" if len(names) > at_most else "")


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(BLOCK_BYTES):
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield rest + head + newline
            rest = tail
        else:
            rest += tail
        if len(rest) > LINE_BYTES:
            raise MalformedOutput(f"the table has a line of more than {LINE_BYTES} bytes")
    if rest:
        raise MalformedOutput("the table's last line is torn: it has no end", torn=True)


def _bare_commas(raw: bytes) -> bytes:
    lines = raw.replace(b"\r\n", b"\n").replace(b", ", b",")
    if b" " in lines or b"\t" in lines:
        lines = _BLANKS.sub(rb"\1", b"\n" + lines)[1:]
    return lines


def _check_cells(lines: bytes, columns: int, rows_before: int) -> None:
    """Check that every row has as many cells as the header, by counting commas. Raises MalformedOutput."""
    text = np.frombuffer(lines, dtype=np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    commas = np.flatnonzero(text == ord(","))
    cells = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    wrong = np.flatnonzero(cells != columns)
    if wrong.size:
        row = int(wrong[0])
        raise MalformedOutput(
            f"row {rows_before + row + 1} of the table has {int(cells[row])} cells instead of {columns}", torn=True
        )


def _values(lines: bytes, columns: Sequence[str], rows_before: int) -> NDArray[np.float64]:
    finite = lines
    if lines.translate(None, _PLAIN):
        finite = _NOT_FINITE.sub(b"", lines)
        if finite.translate(None, _PLAIN):
            raise _bad_cell(lines, columns, rows_before)
    try:
        values = _few(finite, len(columns)) if len(finite) < FEW_BYTES else _many(finite)
    except ValueError as error:
        raise _bad_cell(lines, columns, rows_before) from error
    # A number too large for a float becomes infinite; it counts as not finite, and is published as written.
    values[np.isinf(values)] = np.nan
    return values


def _few(lines: bytes, columns: int) -> NDArray[np.float64]:
    cells = lines.replace(b"\n", b",").split(b",")[:-1]
    return np.array([float(cell or b"nan") for cell in cells]).reshape(-1, columns)


def _many(lines: bytes) -> NDArray[np.float64]:
    # Imported here: a worker that sees pictures only is 60 MB smaller without it, and web never needs it.
    import pandas as pd

    frame = pd.read_csv(io.BytesIO(lines), header=None, dtype=np.float64, engine="c", skip_blank_lines=False, quoting=3)
    values: NDArray[np.float64] = frame.to_numpy()
    return values


def _bad_cell(lines: bytes, columns: Sequence[str], rows_before: int) -> MalformedOutput:
    """Find the first cell that is no number, slowly, for the message only."""
    for row, line in enumerate(_NOT_FINITE.sub(b"", lines).splitlines(), rows_before + 1):
        for name, cell in zip(columns, line.split(b","), strict=True):
            if cell and not _NUMBER.fullmatch(cell):
                shown = clean(cell[:40].decode("utf-8", "replace"))
                return MalformedOutput(f"row {row} of the table has {shown!r} as {name}, which is no number")
    return MalformedOutput(f"the table has a cell that is no number after row {rows_before}")
