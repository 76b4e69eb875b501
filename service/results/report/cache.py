"""Make reports of published results on first request and store them beside the manifest."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from service.errors import Busy, MediaChanged, MediaNotFound, NotFound
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.results.annotations import Annotations, read_annotations
from service.results.report.files import FILES, FORMAT, REPORT
from service.results.report.make import LARGEST_UPLOAD, TOO_LARGE, ReportMaker, ReportRequest
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

GONE = "the upload was deleted."
CHANGED = "the upload was overwritten after its analysis."
AT_ONCE = 1
"""Reports that one process makes at a time."""
WAITING, WAIT_S = 8, 60.0
"""Most requests that wait for a report, and their longest wait."""
FORMAT_KEY = "report"
"""Metadata of a stored file: the version of its content and the digest of the annotations."""


class ReportCache:
    """Make and store reports; two processes that make one at the same time write equal files."""

    def __init__(self, blobs: Blobs, workspace: Path) -> None:
        self._blobs = blobs
        self._workspace = workspace
        self._maker = ReportMaker()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._waiting = threading.BoundedSemaphore(AT_ONCE + WAITING)

    def find(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, name: str) -> BlobInfo:
        """Return the blob of one of `FILES`; make it if it is not stored.

        Args:
            csv: the committed table.

        Raises:
            ReportFailed: no report can be made of this result.
            Busy: too many requests wait for reports.
            EngineUnavailable, WorkspaceFull, StorageUnavailable: temporary faults.
        """
        attempt = csv.metadata.get("attempt", "")
        annotations = read_annotations(self._blobs, place)
        stored = self._stored(place, attempt, name, annotations)
        if stored:
            return stored
        with self._slot():
            stored = self._stored(place, attempt, name, annotations)
            if stored:
                return stored
            self._make(job, place, csv, attempt, annotations)
        return self._blobs.info(place.container, place.artefact(attempt, name))

    def _stored(self, place: ResultPlace, attempt: str, name: str, annotations: Annotations) -> BlobInfo | None:
        """Look up a file of a complete report of the current format and annotations."""
        try:
            # The page is written last: if it is there, all files are.
            page = self._blobs.info(place.container, place.artefact(attempt, REPORT))
            if page.metadata.get(FORMAT_KEY) != _version(annotations):
                return None
            return page if name == REPORT else self._blobs.info(place.container, place.artefact(attempt, name))
        except MediaNotFound:
            return None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise Busy("other reports are being made; ask again in a few seconds")
        try:
            if not self._slots.acquire(timeout=WAIT_S):
                raise Busy("other reports are being made; ask again in a few seconds")
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._waiting.release()

    def _make(
        self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, attempt: str, annotations: Annotations
    ) -> None:
        # A folder for this process; the next process to work there clears the folders of dead ones.
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            table = room / "table.csv"
            self._blobs.download(place.container, place.csv, csv.etag, table)
            upload, missing = self._upload(job, room)
            request = ReportRequest(table, self._manifest(place, attempt), upload, missing, annotations=annotations)
            for name, content in self._maker.make(request).items():
                self._blobs.upload(
                    place.container,
                    place.artefact(attempt, name),
                    content,
                    content_type=FILES[name],
                    metadata={FORMAT_KEY: _version(annotations)},
                )
        log.info("report.made", job_id=job.job_id, attempt_id=attempt)

    def _manifest(self, place: ResultPlace, attempt: str) -> Mapping[str, Any]:
        try:
            manifest = dict(json.loads(self._blobs.read(place.container, place.manifest(attempt))))
        except MediaNotFound as error:
            raise NotFound("the manifest of this result was deleted", "no_manifest") from error
        # A report is for all readers; the gallery is shown to its owner only.
        options = (manifest.get("job") or {}).get("options") or {}
        options.pop("gallery", None)
        return manifest

    def _upload(self, job: AnalysisJob, room: Path) -> tuple[Path | None, str]:
        """Download the analysed version of the upload, or return the reason why not."""
        path = room / "upload"
        try:
            if self._blobs.info(job.container, job.blob).size > LARGEST_UPLOAD:
                return None, TOO_LARGE
            self._blobs.download(job.container, job.blob, job.etag, path)
        except MediaNotFound:
            return None, GONE
        except MediaChanged:
            return None, CHANGED
        return path, ""


def _version(annotations: Annotations) -> str:
    return f"{FORMAT} {annotations.digest}".strip()
