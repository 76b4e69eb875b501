"""Reports of published results: made on first request, and kept beside the manifest for the next."""

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
from service.results.report.files import FILES, FORMAT, REPORT
from service.results.report.make import LARGEST_UPLOAD, TOO_LARGE, ReportRequest, make
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

GONE = "the upload is not there any more."
CHANGED = "the upload was overwritten after it was analysed."
AT_ONCE = 1
"""Reports that one process makes at a time: each takes a processor for seconds and some hundred MB."""
WAITING, WAIT_S = 8, 60.0
"""How many requests may wait for their turn, and for how long."""
MARK = "report"
"""Metadata of a kept file: the format in which it was made."""


class ReportCache:
    """Makes and keeps reports. Two processes may make the same one at the same time: both write the same."""

    def __init__(self, blobs: Blobs, workspace: Path) -> None:
        self._blobs = blobs
        self._workspace = workspace
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._room_to_wait = threading.BoundedSemaphore(AT_ONCE + WAITING)

    def find(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, name: str) -> BlobInfo:
        """The blob of one of `FILES`, made if it is not kept.

        Args:
            csv: the committed table.

        Raises:
            ReportFailed: no report can be made of this result.
            Busy: others are being made.
            EngineUnavailable, WorkspaceFull, StorageUnavailable: not now.
        """
        attempt = csv.metadata.get("attempt", "")
        kept = self._kept(place, attempt, name)
        if kept:
            return kept
        with self._turn():
            kept = self._kept(place, attempt, name)
            if kept:
                return kept
            self._make(job, place, csv, attempt)
        return self._blobs.info(place.container, place.artefact(attempt, name))

    def _kept(self, place: ResultPlace, attempt: str, name: str) -> BlobInfo | None:
        """What is kept whole, in the format of today."""
        try:
            # The page is written last: where it is, all are.
            page = self._blobs.info(place.container, place.artefact(attempt, REPORT))
            if page.metadata.get(MARK) != FORMAT:
                return None
            return page if name == REPORT else self._blobs.info(place.container, place.artefact(attempt, name))
        except MediaNotFound:
            return None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room_to_wait.acquire(blocking=False):
            raise Busy("other reports are being made; ask again in a few seconds")
        try:
            if not self._turns.acquire(timeout=WAIT_S):
                raise Busy("other reports are being made; ask again in a few seconds")
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._room_to_wait.release()

    def _make(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, attempt: str) -> None:
        # A folder of this process's own: one that died is cleared away by whoever works there next.
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            table = room / "table.csv"
            self._blobs.download(place.container, place.csv, csv.etag, table)
            upload, missing = self._upload(job, room)
            wanted = ReportRequest(table, self._manifest(place, attempt), upload, missing)
            out = room / "report"
            out.mkdir()
            for name, path in make(wanted, out).items():
                self._blobs.upload(
                    place.container,
                    place.artefact(attempt, name),
                    path,
                    content_type=FILES[name],
                    metadata={MARK: FORMAT},
                )
        log.info("report.made", job_id=job.job_id, attempt_id=attempt)

    def _manifest(self, place: ResultPlace, attempt: str) -> Mapping[str, Any]:
        try:
            return dict(json.loads(self._blobs.read(place.container, place.manifest(attempt))))
        except MediaNotFound as error:
            raise NotFound("the manifest of this result is not there any more", "no_manifest") from error

    def _upload(self, job: AnalysisJob, room: Path) -> tuple[Path | None, str]:
        """The very version of the upload that was analysed, or why there is none."""
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
