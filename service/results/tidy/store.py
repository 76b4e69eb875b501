"""Find the tidy table of a published result, made in a child on first request. Light to import, for web processes."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from service.errors import Busy, EngineTimeout, MediaNotFound, NotFound, ReportFailed
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.results.annotations import Annotations, read_annotations
from service.sandbox.confinement import NOTHING_ELSE
from service.sandbox.process import ChildLimits
from service.sandbox.python_child import run_module
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

FILE = "result.parquet"
CONTENT_TYPE = "application/vnd.apache.parquet"
FORMAT = "1"
"""Version of the file's content; stored files of another version are made anew."""
FORMAT_KEY = "tidy"
"""Metadata of the stored file: the version of its content and the digest of the annotations."""
TIME_S, MEMORY_BYTES, FILE_BYTES = 120.0, 6 << 30, 2 << 30
WAIT_S = 60.0


class TidyStore:
    """Make and store tidy tables, one at a time; two processes that make one write equal files."""

    def __init__(self, blobs: Blobs, workspace: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self._blobs = blobs
        self._workspace = workspace
        self._limits = ChildLimits(TIME_S, memory_bytes, FILE_BYTES)
        self._making = threading.Lock()

    def find(self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo) -> BlobInfo:
        """Return the blob with the tidy table of a result; make it if it is not stored.

        Raises:
            ReportFailed: the table or its manifest cannot be read.
            NotFound: the manifest was deleted.
            Busy: too many are being made.
        """
        name = place.artefact(csv.metadata.get("attempt", ""), FILE)
        annotations = read_annotations(self._blobs, place)
        if stored := self._stored(place, name, annotations):
            return stored
        if not self._making.acquire(timeout=WAIT_S):
            raise Busy("other tables are being made; ask again in a few seconds")
        try:
            return self._stored(place, name, annotations) or self._make(job, place, csv, name, annotations)
        finally:
            self._making.release()

    def _stored(self, place: ResultPlace, name: str, annotations: Annotations) -> BlobInfo | None:
        try:
            blob = self._blobs.info(place.container, name)
        except MediaNotFound:
            return None
        return blob if blob.metadata.get(FORMAT_KEY) == _version(annotations) else None

    def _make(
        self, job: AnalysisJob, place: ResultPlace, csv: BlobInfo, name: str, annotations: Annotations
    ) -> BlobInfo:
        manifest = self._manifest(place, csv.metadata.get("attempt", ""))
        # A folder for this process; the next process to work there clears the folders of dead ones.
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            table, out, request = room / "table.csv", room / FILE, room / "tidy.json"
            self._blobs.download(place.container, place.csv, csv.etag, table)
            wanted = {"csv": str(table.resolve()), "out": str(out.resolve()), "manifest": manifest}
            request.write_text(json.dumps({**wanted, "annotations": annotations.model_dump(mode="json")}))
            _run(request, room, self._limits)
            if not out.is_file():
                raise ReportFailed("the tidy table was not written")
            metadata = {FORMAT_KEY: _version(annotations)}
            self._blobs.upload(place.container, name, out, content_type=CONTENT_TYPE, metadata=metadata)
        log.info("tidy_table.made", job_id=job.job_id)
        return self._blobs.info(place.container, name)

    def _manifest(self, place: ResultPlace, attempt: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._blobs.read(place.container, place.manifest(attempt))))
        except MediaNotFound as error:
            raise NotFound("the manifest of this result was deleted", "no_manifest") from error


def _run(request: Path, room: Path, limits: ChildLimits) -> None:
    """Run the child. Raises ReportFailed."""
    try:
        finished = run_module("service.results.tidy", [str(request)], room, limits, access=NOTHING_ELSE)
    except EngineTimeout as error:
        raise ReportFailed(f"the tidy table was not made within {limits.time_s:.0f} s") from error
    if finished.returncode != 0:
        raise ReportFailed(f"the table cannot be read: {finished.tail(1)}")


def _version(annotations: Annotations) -> str:
    return f"{FORMAT} {annotations.digest}".strip()
