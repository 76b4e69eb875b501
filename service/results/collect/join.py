"""From results to a table in pieces of one size: memory stays the same, however many results and rows there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.engine.columns import columns_for
from service.engine.csv_blocks import blocks, check_header
from service.errors import MalformedOutput
from service.results.collect.columns import FLAG, GOOD, INT, JOB, MATCHED, ROW, TEXT, Layout, job_values
from service.results.collect.people import NOBODY, Tracks
from service.results.collect.sources import Found
from service.results.quality_gate import CONFIDENCE

PIECE_ROWS = 2048
"""Rows that are held, and written as one row group of Parquet: 12 MiB of numbers with all columns."""


class Gathering:
    """Takes results in, gives pieces of the collected table out."""

    def __init__(self, layout: Layout, piece_rows: int = PIECE_ROWS) -> None:
        self._layout = layout
        self._place = {name: i for i, name in enumerate(layout.numbers)}
        self._values = np.full((piece_rows, len(layout.numbers)), np.nan)
        self._job_of = np.zeros(piece_rows, dtype=np.int64)
        self._jobs: list[dict[str, Any]] = []
        self._matches: list[dict[str, Any]] = []
        self._match_of = np.full(piece_rows, NOBODY, dtype=np.int64)
        self._rows = 0

    def add(self, found: Found) -> Iterator[pa.Table]:
        """Take a result in; yields a piece whenever one is full.

        Raises:
            MalformedOutput: its table is not OpenFace's. Its SHA-256 is the published one by then, so this means a
                result that should never have been published; rows before the fault have been taken in.
            KeyError, TypeError: its manifest is not one of ours; nothing was taken in.
        """
        tracks = Tracks(found.people)
        self._jobs.append(job_values(found.manifest))
        columns = columns_for(found.manifest["job"]["media"])
        kept = [(i, self._place[name]) for i, name in enumerate(columns) if name in self._place]
        sources, targets = [i for i, _ in kept], [place for _, place in kept]
        with found.csv.open("rb") as file:
            check_header(file, columns)
            for block in blocks(file, columns):
                _refuse_fractions(block.values, columns)
                matches = tracks.of_rows(block.values, columns)
                yield from self._take(block.values[:, sources], targets, matches, tracks.values)

    def rest(self) -> Iterator[pa.Table]:
        """What has not been given out yet."""
        if self._rows:
            yield self._piece()

    def _take(
        self,
        values: NDArray[np.float64],
        targets: list[int],
        matches: NDArray[np.int64],
        tracks: list[dict[str, Any]],
    ) -> Iterator[pa.Table]:
        while len(values):
            room = len(self._values) - self._rows
            now, values = values[:room], values[room:]
            known, matches = matches[:room], matches[room:]
            rows = slice(self._rows, self._rows + len(now))
            self._values[rows, targets] = now
            self._job_of[rows] = len(self._jobs) - 1
            self._match_of[rows] = np.where(known == NOBODY, NOBODY, known + len(self._matches))
            self._matches += tracks
            self._rows += len(now)
            if self._rows == len(self._values):
                yield self._piece()

    def _piece(self) -> pa.Table:
        values, of = self._values[: self._rows], pa.array(self._job_of[: self._rows])
        arrays = [self._column(name, values, of) for name in self._layout.schema.names]
        piece = pa.Table.from_arrays(arrays, schema=self._layout.schema)
        # The last result may go on in the next piece.
        self._jobs = self._jobs[-1:]
        self._matches = []
        self._rows = 0
        self._values[:] = np.nan
        return piece

    def _column(self, name: str, values: NDArray[np.float64], of: pa.Array) -> pa.Array:
        if name in JOB:
            return pa.array([job[name] for job in self._jobs], JOB[name]).take(of)
        if name in MATCHED:
            own = self._match_of[: self._rows]
            return pa.array([match[name] for match in self._matches], MATCHED[name]).take(
                pa.array(own, mask=own == NOBODY)
            )
        if name == GOOD:
            return pa.array(self._good(values), FLAG)
        column = values[:, self._place[name]]
        # What is not there, or no finite number, is null.
        return pa.array(column, pa.float64(), mask=~np.isfinite(column)).cast(ROW.get(name, pa.float64()))

    def _good(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        confidence, success = values[:, self._place["confidence"]], values[:, self._place["success"]]
        # Pictures have no `success`; as in `results.gate`.
        return np.asarray((confidence >= CONFIDENCE) & (np.isnan(success) | (success == 1)))


def _refuse_fractions(values: NDArray[np.float64], columns: Sequence[str]) -> None:
    for place, name in enumerate(columns):
        if ROW.get(name) != INT:
            continue
        numbers = values[:, place]
        if (np.nan_to_num(numbers) % 1).any():
            raise MalformedOutput(f"the column {name} holds a fraction")


def text_columns(schema: pa.Schema) -> list[str]:
    """Those that hold texts."""
    return [field.name for field in schema if field.type == TEXT]
