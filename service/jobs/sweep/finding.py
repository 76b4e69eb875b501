"""One thing that is not as it should be, and how it can be put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from service.errors import AnalysisError, NotFound
from service.jobs.job import MediaType
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.submit import JobSubmitter
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import BlobInfo

Kind = Literal[
    "upload without a job",
    "job without a message",
    "record stuck",
    "not set aside",
    "leftover",
    "expired person",
    "expired faces",
]


@dataclass(frozen=True)
class Places:
    """What is swept.

    Attributes:
        default_media_type: of uploads that say nothing themselves.
    """

    blobs: AzureBlobs
    queue: JobQueue
    table: JobTable
    submitter: JobSubmitter
    results_container: str
    default_media_type: MediaType


@dataclass(frozen=True)
class Finding:
    """What is told of it.

    Attributes:
        container, blob: the upload, or the leftover.
        job_id: of the job that it is about, where there is one.
        since: when that upload, record or leftover was last written.
        mended: what was done; empty where nothing was.
        error: why it could not be mended.
    """

    kind: Kind
    container: str
    blob: str
    since: datetime
    job_id: str = ""
    mended: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """One line of `--json`."""
        return {**asdict(self), "since": self.since.isoformat()}


@dataclass(frozen=True)
class Found:
    """A finding before anything was done about it; `mend` does it, and says what it did."""

    finding: Finding
    mend: Callable[[], str]

    def mended(self) -> Finding:
        """What has become of it."""
        try:
            return replace(self.finding, mended=self.mend())
        except AnalysisError as error:
            return replace(self.finding, error=error.message)


def every_blob(blobs: AzureBlobs, container: str, prefix: str = "") -> Iterator[BlobInfo]:
    """All blobs of a container; none where it has gone meanwhile."""
    cursor = ""
    while True:
        try:
            page = blobs.page(container, cursor, prefix)
        except NotFound:
            return
        yield from page.blobs
        cursor = page.cursor
        if not cursor:
            return
