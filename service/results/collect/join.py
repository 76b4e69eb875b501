"""Join results into chunks of one size, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.engine.columns import columns_for
from service.engine.csv_blocks import blocks, check_header
from service.errors import MalformedOutput
from service.results.annotations import Annotations
from service.results.collect.columns import (
    EXCLUDED,
    FILE,
    FLAG,
    GOOD,
    INT,
    JOB,
    MATCHED,
    ROW,
    TEXT,
    Layout,
    fitting,
    job_values,
)
from service.results.collect.people import NO_TRACK, PeopleTracks
from service.results.collect.sources import CollectedResult
from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import CONFIDENCE, in_spans

CHUNK_ROWS = 2048
"""Rows of a chunk, written as one row group of Parquet: 12 MiB of numbers with all columns."""
LARGEST_WHOLE = 1 << 53
"""Largest number up to which float64 holds every whole one."""
NO_FILE = -1
"""Number of the file of rows that have none."""


class _Rows(NamedTuple):
    """Rows of one result: values of the numeric columns, and number of match and file of each."""

    values: NDArray[np.float64]
    matches: NDArray[np.int64]
    files: NDArray[np.int64]
    excluded: NDArray[np.bool_]

    def part(self, rows: slice) -> _Rows:
        """Return some of the rows."""
        return _Rows(self.values[rows], self.matches[rows], self.files[rows], self.excluded[rows])


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
        self._files: list[str] = []
        self._file_of = np.full(chunk_rows, NO_FILE, dtype=np.int64)
        self._excluded = np.zeros(chunk_rows, dtype=bool)
        self._rows = 0

    def add(self, found: CollectedResult) -> Iterator[pa.Table]:
        """Add a result; yields a chunk whenever one is full.

        Raises:
            MalformedOutput: its table is not in OpenFace's format, although its SHA-256 is the published one; rows
                before the fault have been added.
            KeyError, TypeError, ValueError: its manifest, or its `people.json`, has another form; nothing was added.
        """
        tracks = PeopleTracks(found.people)
        people = [{name: fitting(kind, track[name]) for name, kind in MATCHED.items()} for track in tracks.values]
        facts = ManifestReader(found.manifest)
        names = [fitting(TEXT, name) for name in facts.files]
        self._jobs.append(job_values(found.manifest))
        columns = columns_for(facts.media)
        kept = [(i, self._place[name]) for i, name in enumerate(columns) if name in self._place]
        sources, targets = [i for i, _ in kept], [place for _, place in kept]
        with found.csv.open("rb") as file:
            check_header(file, columns)
            for block in blocks(file, columns):
                _refuse_other_than_whole(block.values, columns)
                matches = tracks.of_rows(block.values, columns)
                excluded = _excluded(block.values, columns, found.annotations)
                files = _files(block.values, columns, len(names))
                rows = _Rows(block.values[:, sources], matches, files, excluded)
                yield from self._fill(rows, targets, people, names)

    def flush(self) -> Iterator[pa.Table]:
        """Yield the last, partial chunk."""
        if self._rows:
            yield self._chunk()

    def _fill(
        self,
        left: _Rows,
        targets: list[int],
        tracks: list[dict[str, Any]],
        files: list[str],
    ) -> Iterator[pa.Table]:
        while len(left.values):
            free = len(self._values) - self._rows
            now, left = left.part(slice(free)), left.part(slice(free, None))
            rows = slice(self._rows, self._rows + len(now.values))
            self._values[rows, targets] = now.values
            self._job_of[rows] = len(self._jobs) - 1
            self._match_of[rows] = np.where(now.matches == NO_TRACK, NO_TRACK, now.matches + len(self._matches))
            self._file_of[rows] = np.where(now.files == NO_FILE, NO_FILE, now.files + len(self._files))
            self._excluded[rows] = now.excluded
            self._matches += tracks
            self._files += files
            self._rows += len(now.values)
            if self._rows == len(self._values):
                yield self._chunk()

    def _chunk(self) -> pa.Table:
        values, of = self._values[: self._rows], pa.array(self._job_of[: self._rows])
        arrays = [self._column(name, values, of) for name in self._layout.schema.names]
        chunk = pa.Table.from_arrays(arrays, schema=self._layout.schema)
        # The last result may go on in the next chunk.
        self._jobs = self._jobs[-1:]
        self._matches, self._files = [], []
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
        if name == FILE:
            numbers = self._file_of[: self._rows]
            return pa.array(self._files, TEXT).take(pa.array(numbers, mask=numbers == NO_FILE))
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


def _files(values: NDArray[np.float64], columns: Sequence[str], count: int) -> NDArray[np.int64]:
    """Number of each row's file, from 0, shape (rows,)."""
    if not count:
        return np.full(len(values), NO_FILE, dtype=np.int64)
    frames = np.nan_to_num(values[:, columns.index("frame")]).astype(np.int64)
    return np.where((frames >= 1) & (frames <= count), frames - 1, NO_FILE)


def _excluded(values: NDArray[np.float64], columns: Sequence[str], annotations: Annotations) -> NDArray[np.bool_]:
    """Whether each row lies in an excluded stretch, shape (rows,)."""
    if "timestamp" not in columns:
        return np.zeros(len(values), dtype=bool)
    return in_spans(values[:, columns.index("timestamp")], annotations.spans)


def _refuse_other_than_whole(values: NDArray[np.float64], columns: Sequence[str]) -> None:
    for place, name in enumerate(columns):
        if ROW.get(name) != INT:
            continue
        numbers = values[:, place]
        if (np.nan_to_num(numbers) % 1).any():
            raise MalformedOutput(f"the column {name} holds a fraction")
        if (np.abs(numbers) > LARGEST_WHOLE).any():
            raise MalformedOutput(f"the column {name} holds a number that is too large")


def text_columns(schema: pa.Schema) -> list[str]:
    """List the columns of text."""
    return [field.name for field in schema if field.type == TEXT]
