"""Find the series of a published result, made on first request and kept in storage and in memory."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from service.errors import Busy, MediaNotFound, NotFound
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.results.manifest_reader import ManifestReader
from service.results.series.layout import (
    CONTENT_TYPE,
    FILE,
    GEOMETRY,
    LONGEST_HEADER,
    VALUES,
    FaceRows,
    Geometry,
    Header,
    Values,
    geometry_bytes,
    value_bytes,
)
from service.results.series.make import MEMORY_BYTES, make
from service.results.series.marks import Marks
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

KEPT = 4
"""Series in memory; an hour of video has 20 MB of values."""
WAIT_S = 60.0


class RangedBlobs(Blobs, Protocol):
    """Blobs that can be read in parts."""

    def stream_range(self, container: str, name: str, etag: str, offset: int, length: int) -> Iterator[bytes]:
        """Read `length` bytes from `offset`. Raises MediaNotFound, MediaChanged."""


@dataclass(frozen=True)
class Series:
    """The series of one result; values are in memory, geometry is read in ranges.

    Attributes:
        facts: of its manifest; empty where that was deleted.
    """

    header: Header
    values: Values
    blobs: RangedBlobs
    container: str
    blob: BlobInfo
    geometry_at: int
    facts: ManifestReader
    _marks: dict[int, Marks] = field(default_factory=dict)

    def marks_of(self, face: FaceRows) -> Marks:
        """Return the marks of one face; found once, as an hour of them takes a part of a second."""
        if face.face_id not in self._marks:
            self._marks[face.face_id] = Marks.of(self.values, face, self.facts)
        return self._marks[face.face_id]

    def values_of(self, face: FaceRows) -> Values:
        """Return the values of one face, ordered by time."""
        return self.values[face.first : face.first + face.rows]

    def geometry_of(self, face: FaceRows, first: int, end: int) -> Geometry:
        """Read the geometry of rows `first` to `end` of one face."""
        return self.geometry_at_rows(face.first + first, face.first + end)

    def geometry_at_rows(self, first: int, end: int) -> Geometry:
        """Read the geometry of rows `first` to `end` of all."""
        offset = self.geometry_at + geometry_bytes(first)
        pieces = self.blobs.stream_range(
            self.container, self.blob.name, self.blob.etag, offset, geometry_bytes(end - first)
        )
        return np.frombuffer(b"".join(pieces), np.int16).reshape(-1, GEOMETRY)


class SeriesStore:
    """Makes and keeps series, one at a time in this process."""

    def __init__(self, blobs: RangedBlobs, workspace: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self._blobs = blobs
        self._workspace = workspace
        self._memory_bytes = memory_bytes
        self._making = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Series] = OrderedDict()

    def find(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo) -> Series:
        """Return the series of a published table of a video.

        Raises:
            NotFound: the manifest was deleted, or names no video.
            ReportFailed: the table cannot be read.
            Busy: another series is being made.
        """
        attempt = csv.metadata.get("attempt", "")
        key = f"{place.container}/{place.csv}/{csv.etag}"
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        series = self._read(place, attempt)
        if series is None:
            if not self._making.acquire(timeout=WAIT_S):
                raise Busy("other series are being made; ask again in a few seconds")
            try:
                series = self._read(place, attempt) or self._make(job, place, csv, attempt)
            finally:
                self._making.release()
        with self._lock:
            self._kept[key] = series
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return series

    def _read(self, place: ResultPlace, attempt: str) -> Series | None:
        name = place.artefact(attempt, FILE)
        try:
            blob = self._blobs.info(place.container, name)
        except MediaNotFound:
            return None

        def part(offset: int, length: int) -> bytes:
            length = min(length, blob.size - offset)
            return b"".join(self._blobs.stream_range(place.container, name, blob.etag, offset, length))

        parsed = Header.parse(part(0, LONGEST_HEADER))
        if parsed is None:
            return None
        header, at = parsed
        size = value_bytes(header.rows)
        values = np.frombuffer(part(at, size) if size else b"", np.float32).reshape(-1, len(VALUES))
        return Series(header, values, self._blobs, place.container, blob, at + size, self._known_facts(place, attempt))

    def _make(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, attempt: str) -> Series:
        facts = self._facts(place, attempt)
        if facts.size is None:
            raise NotFound("the manifest of this result has no size of the media", "no_series")
        # A folder for this process; the next process to work there clears the folders of dead ones.
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            table = room / "table.csv"
            self._blobs.download(place.container, place.csv, csv.etag, table)
            path = make(table, *facts.size, room, memory_bytes=self._memory_bytes, camera=facts.camera)
            self._blobs.upload(place.container, place.artefact(attempt, FILE), path, content_type=CONTENT_TYPE)
        log.info("series.made", job_id=job.job_id, attempt_id=attempt)
        series = self._read(place, attempt)
        assert series
        return series

    def _known_facts(self, place: ResultPlace, attempt: str) -> ManifestReader:
        try:
            return self._facts(place, attempt)
        except NotFound:
            return ManifestReader({})

    def _facts(self, place: ResultPlace, attempt: str) -> ManifestReader:
        try:
            return ManifestReader(json.loads(self._blobs.read(place.container, place.manifest(attempt))))
        except MediaNotFound as error:
            raise NotFound("the manifest of this result was deleted", "no_manifest") from error
