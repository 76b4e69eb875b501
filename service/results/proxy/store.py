"""Find the playable copy of a video, made on first request in a child and kept beside the results."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from service.errors import AnalysisError, Busy, MediaNotFound
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.sandbox.call import ask
from service.sandbox.confinement import Access
from service.sandbox.media import FRAME_PIXELS
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.storage.blob_store import BlobInfo, Blobs

FILE = "proxy.webm"
CONTENT_TYPE = "video/webm"
WAIT_S = 15.0
"""How long a request waits; proxies between give up after a minute."""
TIME_S, FILE_BYTES = 3600.0, 2 << 30
"""Limits of the child: an hour of a large video takes a good part of an hour."""
MOST_REMEMBERED = 100
ENTRY = "service.results.proxy"


class BeingMade(Busy):
    """The copy is being made; ask again."""

    code = "being_made"


class DeletableBlobs(Blobs, Protocol):
    """Blobs of which one can be deleted."""

    def delete(self, container: str, name: str, etag: str) -> None:
        """Delete a blob."""


@dataclass
class _Making:
    done: threading.Event = field(default_factory=threading.Event)
    error: AnalysisError | None = None


class ProxyStore:
    """Makes copies, one at a time in this process, on a thread that outlives the request."""

    def __init__(self, blobs: DeletableBlobs, workspace: Path, memory_bytes: int) -> None:
        self._blobs = blobs
        self._workspace = workspace
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._making: dict[str, _Making] = {}

    def find(self, job: AnalysisJob, place: ResultPlace, attempt: str) -> BlobInfo:
        """Return the copy of a job's video.

        Raises:
            BeingMade: it is not there yet.
            MediaNotFound, MediaChanged: the video is gone, or another.
            MediaError: it cannot be decoded.
        """
        name = place.artefact(attempt, FILE)
        try:
            return self._blobs.info(place.container, name)
        except MediaNotFound:
            making = self._begun(job, place, name)
        if not making.done.wait(WAIT_S):
            raise BeingMade
        if making.error:
            raise making.error
        return self._blobs.info(place.container, name)

    def _begun(self, job: AnalysisJob, place: ResultPlace, name: str) -> _Making:
        with self._lock:
            known = self._making.get(name)
            # One that was made and is gone was deleted: it is made anew. A video that cannot be decoded stays so.
            if known and not (known.done.is_set() and (known.error is None or known.error.retryable)):
                return known
            while len(self._making) >= MOST_REMEMBERED:
                self._making.pop(next(iter(self._making)))
            making = self._making[name] = _Making()
        threading.Thread(target=self._run, args=(making, job, place, name), name="proxy", daemon=True).start()
        return making

    def _run(self, making: _Making, job: AnalysisJob, place: ResultPlace, name: str) -> None:
        try:
            with self._one_at_a_time:
                self._make(job, place, name)
            log.info("proxy.made", job_id=job.job_id)
        except AnalysisError as error:
            making.error = error
            log.warning("proxy.not_made", job_id=job.job_id, error=error.message)
        except Exception:
            making.error = Busy("the copy could not be made")
            log.exception("proxy.unexpected_error", job_id=job.job_id)
        finally:
            making.done.set()

    def _make(self, job: AnalysisJob, place: ResultPlace, name: str) -> None:
        with closing(Workspace(self._workspace)) as workspace, workspace.room() as room:
            media, folder = room / "media", room / "proxy"
            self._blobs.download(job.container, job.blob, job.etag, media)
            into = folder / FILE
            request = {"path": str(media.resolve()), "into": str(into.resolve()), "max_pixels": FRAME_PIXELS}
            limits = ChildLimits(TIME_S, self._memory_bytes, FILE_BYTES)
            ask(request, folder, limits, lambda: None, access=Access(reads=(media.resolve(),)), entry=ENTRY)
            self._blobs.upload(place.container, name, into, content_type=CONTENT_TYPE)
        try:
            self._blobs.info(place.container, place.csv)
        except MediaNotFound:
            # Purged meanwhile: nothing may be left of it.
            self._blobs.delete(place.container, name, self._blobs.info(place.container, name).etag)
            raise
