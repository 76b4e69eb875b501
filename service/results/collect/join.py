"""Join results into chunks of one size, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.engine.columns import columns_for
from service.engine.csv_blocks import blocks, check_header
from service.errors import MalformedOutput
from service.results.annotations import Annotations
from service.results.collect.columns import EXCLUDED, FLAG, GOOD, INT, JOB, MATCHED, ROW, TEXT, Layout, job_values
from service.results.collect.people import NO_TRACK, PeopleTracks
from service.results.collect.sources import CollectedResult
from service.results.quality_gate import CONFIDENCE, in_spans

CHUNK_ROWS = 2048
"""Rows of a chunk, written as one row group of Parquet: 12 MiB of numbers with all columns."""


class Collector:
    """Collect results and yield chunks of the table."""

    def __init__(self, layout: Layout, chunk_rows: int = CHUNK_ROWS) -> None:
        self._layout = layout
        self._place = {name: i for i, name in enumerate(layout.numbers)}
        self._values = np.full((chunk_rows, len(layout.numbers)), np.nan)
        self._job_of = np.zeros(chunk_rows, dtype=np.int64)
        self._jobs: list[dict[str, Any]] = []
        self._matches: list[dict[str, Any]] = []
        self._match_of = np.full(chunk_rows, NO_TRACK, dtype=np.int64)
        self._excluded = np.zeros(chunk_rows, dtype=bool)
        self._rows = 0

    def add(self, found: CollectedResult) -> Iterator[pa.Table]:
        """Add a result; yields a chunk whenever one is full.

        Raises:
            MalformedOutput: its table is not in OpenFace's format, although its SHA-256 is the published one; rows
                before the fault have been added.
            KeyError, TypeError: its manifest has another form; nothing was added.
        """
        tracks = PeopleTracks(found.people)
        self._jobs.append(job_values(found.manifest))
        columns = columns_for(found.manifest["job"]["media"])
        kept = [(i, self._place[name]) for i, name in enumerate(columns) if name in self._place]
        sources, targets = [i for i, _ in kept], [place for _, place in kept]
        with found.csv.open("rb") as file:
            check_header(file, columns)
            for block in blocks(file, columns):
                _refuse_fractions(block.values, columns)
                matches = tracks.of_rows(block.values, columns)
                excluded = _excluded(block.values, columns, found.annotations)
                yield from self._fill(block.values[:, sources], targets, matches, tracks.values, excluded)

    def flush(self) -> Iterator[pa.Table]:
        """Yield the last, partial chunk."""
        if self._rows:
            yield self._chunk()

    def _fill(
        self,
        values: NDArray[np.float64],
        targets: list[int],
        matches: NDArray[np.int64],
        tracks: list[dict[str, Any]],
        excluded: NDArray[np.bool_],
    ) -> Iterator[pa.Table]:
        while len(values):
            free = len(self._values) - self._rows
            now, values = values[:free], values[free:]
            known, matches = matches[:free], matches[free:]
            outside, excluded = excluded[:free], excluded[free:]
            rows = slice(self._rows, self._rows + len(now))
            self._values[rows, targets] = now
            self._job_of[rows] = len(self._jobs) - 1
            self._match_of[rows] = np.where(known == NO_TRACK, NO_TRACK, known + len(self._matches))
            self._excluded[rows] = outside
            self._matches += tracks
            self._rows += len(now)
            if self._rows == len(self._values):
                yield self._chunk()

    def _chunk(self) -> pa.Table:
        values, of = self._values[: self._rows], pa.array(self._job_of[: self._rows])
        arrays = [self._column(name, values, of) for name in self._layout.schema.names]
        chunk = pa.Table.from_arrays(arrays, schema=self._layout.schema)
        # The last result may go on in the next chunk.
        self._jobs = self._jobs[-1:]
        self._matches = []
        self._rows = 0
        self._values[:] = np.nan
        return chunk

    def _column(self, name: str, values: NDArray[np.float64], of: pa.Array) -> pa.Array:
        if name in JOB:
            return pa.array([job[name] for job in self._jobs], JOB[name]).take(of)
        if name in MATCHED:
            numbers = self._match_of[: self._rows]
            return pa.array([match[name] for match in self._matches], MATCHED[name]).take(
                pa.array(numbers, mask=numbers == NO_TRACK)
            )
        if name == EXCLUDED:
            return pa.array(self._excluded[: self._rows], FLAG)
        if name == GOOD:
            return pa.array(self._good(values), FLAG)
        column = values[:, self._place[name]]
        # Missing values and infinite ones are null.
        return pa.array(column, pa.float64(), mask=~np.isfinite(column)).cast(ROW.get(name, pa.float64()))

    def _good(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        confidence, success = values[:, self._place["confidence"]], values[:, self._place["success"]]
        # Pictures have no `success`; as in `results.quality_gate`.
        passed = (confidence >= CONFIDENCE) & (np.isnan(success) | (success == 1))
        return np.asarray(passed & ~self._excluded[: self._rows])


def _excluded(values: NDArray[np.float64], columns: Sequence[str], annotations: Annotations) -> NDArray[np.bool_]:
    """Whether each row lies in an excluded stretch, shape (rows,)."""
    if "timestamp" not in columns:
        return np.zeros(len(values), dtype=bool)
    return in_spans(values[:, columns.index("timestamp")], annotations.spans)


def _refuse_fractions(values: NDArray[np.float64], columns: Sequence[str]) -> None:
    for place, name in enumerate(columns):
        if ROW.get(name) != INT:
            continue
        numbers = values[:, place]
        if (np.nan_to_num(numbers) % 1).any():
            raise MalformedOutput(f"the column {name} holds a fraction")


def text_columns(schema: pa.Schema) -> list[str]:
    """List the columns of text."""
    return [field.name for field in schema if field.type == TEXT]
