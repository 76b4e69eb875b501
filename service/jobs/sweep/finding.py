"""One irregularity found by a sweep, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from service.errors import AnalysisError, NotFound
from service.storage.blob_store import BlobInfo, Blobs

Kind = Literal[
    "upload without a job",
    "job without a message",
    "record stuck",
    "not set aside",
    "leftover",
    "expired record",
    "expired tombstone",
    "expired upload place",
    "expired person",
    "expired faces",
]


@dataclass(frozen=True)
class Finding:
    """One irregularity.

    Attributes:
        container, blob: the upload, or the leftover.
        job_id: of the job concerned, where there is one.
        since: when that upload, record or leftover was last written.
        mended: the action taken; empty where there was none.
        error: why it could not be mended.
        receipt: of a deleted person.
    """

    kind: Kind
    container: str
    blob: str
    since: datetime
    job_id: str = ""
    mended: str = ""
    error: str = ""
    receipt: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Format as a line of `--json`."""
        facts = {**asdict(self), "since": self.since.isoformat()}
        if self.receipt is None:
            del facts["receipt"]
        return facts


@dataclass(frozen=True)
class Erased:
    """A repair that deleted a person, with the receipt."""

    text: str
    receipt: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """A finding that can be mended; `mend` acts, and returns what it did in a few words."""

    finding: Finding
    mend: Callable[[], str | Erased]

    def mended(self) -> Finding:
        """Mend it, and return the finding with the outcome."""
        try:
            repair = self.mend()
            if isinstance(repair, Erased):
                return replace(self.finding, mended=repair.text, receipt=repair.receipt)
            return replace(self.finding, mended=repair)
        except AnalysisError as error:
            return replace(self.finding, error=error.message)


def every_blob(blobs: Blobs, container: str, prefix: str = "") -> Iterator[BlobInfo]:
    """List all blobs of a container; none where it was deleted meanwhile."""
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
