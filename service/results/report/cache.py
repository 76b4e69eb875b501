"""Make reports of published results on first request and store them beside the manifest.

Web makes them itself, or (REPORTS_BY) asks the workers for them and waits a while for what they store.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.errors import Busy, MediaChanged, MediaNotFound, NotFound, ReportFailed
from service.jobs.job import AnalysisJob
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.results.annotations import Annotations, read_annotations
from service.results.report.files import FILES, FORMAT, REPORT
from service.results.report.make import LARGEST_UPLOAD, MEMORY_BYTES, TOO_LARGE, ReportMaker, ReportRequest
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

GONE = "the upload was deleted."
SEQUENCE = "the upload is a sequence of pictures, of which none is shown."
CHANGED = "the upload was overwritten after its analysis."
AT_ONCE = 1
"""Reports that one process makes at a time."""
WAITING, WAIT_S = 8, 60.0
"""Most requests that wait for a report, and their longest wait."""
FORMAT_KEY = "report"
"""Metadata of a stored file: the version of its content and the digest of the annotations."""
FAILURE = "report-failed.txt"
"""Artefact of a result of which no report could be made: the reason."""
FAILURE_COUNTS = timedelta(minutes=5)
"""How long such a note is believed; then a worker tries again."""
ASK_AGAIN_S = 60.0
"""Least time between two questions of one process for the same report."""
LOOK_S = 0.4
"""Distance between two looks for a report that a worker makes."""
WORKER_WAIT_S = 20.0
"""Longest wait of one request for it; the next one goes on waiting."""


class ReportCache:
    """Make and store reports; two processes that make one at the same time write equal files.

    Args:
        ask: asks a worker for a job's report by the job's id; None: this process makes reports.
        memory_bytes: address space of the child that makes them.
    """

    def __init__(
        self,
        blobs: Blobs,
        workspace: Path,
        ask: Callable[[str], None] | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._blobs = blobs
        # Of its own: the child sees no other files of the workspace.
        self._workspace = workspace / "reports"
        self._ask = ask
        self._maker = ReportMaker([self._workspace], memory_bytes=memory_bytes)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._waiting = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._asking = threading.Lock()
        self._asked: dict[str, float] = {}

    def close(self) -> None:
        """End the child."""
        self._maker.close()

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
        if self._ask:
            with self._turn():
                self._ask_once(self._ask, job.job_id)
                return self._awaited(place, attempt, name, annotations)
        with self._turn(), self._slot():
            stored = self._stored(place, attempt, name, annotations)
            if stored:
                return stored
            self._make(job, place, csv, attempt, annotations)
        return self._blobs.info(place.container, place.artefact(attempt, name))

    def make(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo) -> None:
        """Make a report if it is not stored. Raises as `find`."""
        attempt = csv.metadata.get("attempt", "")
        annotations = read_annotations(self._blobs, place)
        if not self._stored(place, attempt, REPORT, annotations):
            self._make(job, place, csv, attempt, annotations)

    def note_failure(self, place: ResultPlace, csv: BlobInfo, error: ReportFailed) -> None:
        """Store why no report can be made, for the process that waits for it."""
        annotations = read_annotations(self._blobs, place)
        self._blobs.upload(
            place.container,
            place.artefact(csv.metadata.get("attempt", ""), FAILURE),
            error.message.encode(),
            content_type="text/plain; charset=utf-8",
            metadata={FORMAT_KEY: _version(annotations)},
        )

    def _ask_once(self, ask: Callable[[str], None], job_id: str) -> None:
        """Ask a worker, unless this process did a moment ago: callers repeat their requests."""
        moment = time.monotonic()
        with self._asking:
            self._asked = {known: at for known, at in self._asked.items() if moment - at < ASK_AGAIN_S}
            if job_id not in self._asked:
                ask(job_id)
                self._asked[job_id] = moment

    def _awaited(self, place: ResultPlace, attempt: str, name: str, annotations: Annotations) -> BlobInfo:
        """Wait for what a worker stores. Raises ReportFailed, Busy."""
        until = time.monotonic() + WORKER_WAIT_S
        while True:
            if stored := self._stored(place, attempt, name, annotations):
                return stored
            self._raise_failure(place, attempt, annotations)
            if time.monotonic() > until:
                raise Busy("a worker makes the report; ask again in a few seconds")
            time.sleep(LOOK_S)

    def _raise_failure(self, place: ResultPlace, attempt: str, annotations: Annotations) -> None:
        """Raise ReportFailed where a worker noted a moment ago that it cannot make the report."""
        try:
            note = self._blobs.info(place.container, place.artefact(attempt, FAILURE))
            is_fresh = note.last_modified is not None and now() - note.last_modified < FAILURE_COUNTS
            if is_fresh and note.metadata.get(FORMAT_KEY) == _version(annotations):
                raise ReportFailed(self._blobs.read(place.container, note.name).decode("utf-8", "replace"))
        except MediaNotFound:
            return

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
    def _turn(self) -> Iterator[None]:
        """Be one of the requests that wait. Raises Busy."""
        if not self._waiting.acquire(blocking=False):
            raise Busy("other reports are being made; ask again in a few seconds")
        try:
            yield
        finally:
            self._waiting.release()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Be the one that makes a report. Raises Busy."""
        if not self._slots.acquire(timeout=WAIT_S):
            raise Busy("other reports are being made; ask again in a few seconds")
        try:
            yield
        finally:
            self._slots.release()

    def _make(
        self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, attempt: str, annotations: Annotations
    ) -> None:
        # A folder for this process; the next process to work there clears the folders of dead ones.
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            table = room / "table.csv"
            self._blobs.download(place.container, place.csv, csv.etag, table)
            upload, missing = self._upload(job, room)
            request = ReportRequest(
                table,
                self._manifest(place, attempt),
                upload,
                missing,
                annotations=annotations,
                job_page=f"/page/jobs/{job.job_id}",
            )
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
        if job.media == "sequence":
            return None, SEQUENCE
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
