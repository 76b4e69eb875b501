"""Find artefacts of attempts that died: no result points to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from service.errors import NotFound
from service.jobs.backend import JobBackend
from service.jobs.sweep.finding import Finding, Found
from service.storage.blob_store import BlobInfo

BLOBS_A_RUN = 50_000
"""Most blobs of results that one sweep looks at; the next one goes on there."""

_ARTEFACT = re.compile(r"/(?P<job>[0-9a-f]{32})/(?P<attempt>[0-9a-f]{12})/[^/]+$")
"""The end of an artefact's name, as `ResultPlace` forms it."""
_TABLE = re.compile(r"/(?P<job>[0-9a-f]{32})/[^/]+\.csv$")


def leftovers(
    backend: JobBackend, container: str, prefix: str, before: datetime, cursors: dict[str, str]
) -> Iterator[Found]:
    """Yield leftovers of finished jobs that were written before a time, from the container's cursor on."""
    key, seen = f"results {container}", 0
    while True:
        try:
            page = backend.blobs.page(container, cursors.get(key, ""), prefix, with_metadata=True)
        except NotFound:
            return
        yield from _of_page(backend, container, page.blobs, before)
        seen += len(page.blobs)
        cursors[key] = page.cursor
        if not page.cursor or seen >= BLOBS_A_RUN:
            return


def _of_page(backend: JobBackend, container: str, blobs: list[BlobInfo], before: datetime) -> Iterator[Found]:
    # The published table names its attempt: most jobs need no look at their records.
    pointed_to: dict[str, str | None] = {
        name["job"]: blob.metadata.get("attempt") for blob in blobs if (name := _TABLE.search(blob.name))
    }
    for blob in blobs:
        name = _ARTEFACT.search(blob.name)
        if not name or not blob.last_modified or blob.last_modified > before:
            continue
        job_id = name["job"]
        if job_id not in pointed_to:
            pointed_to[job_id] = _pointed_to(backend, job_id)
        if pointed_to[job_id] not in {None, name["attempt"]}:
            finding = Finding("leftover", container, blob.name, blob.last_modified, job_id)
            yield Found(finding, partial(_delete, backend, container, blob))


def _pointed_to(backend: JobBackend, job_id: str) -> str | None:
    """Return the attempt whose artefacts a finished job points to; None where all have to be kept."""
    try:
        record = backend.table.get(job_id)
    except NotFound:
        return None
    return (record.attempt_published or record.attempt_id) if record.is_finished else None


def _delete(backend: JobBackend, container: str, blob: BlobInfo) -> str:
    backend.blobs.delete(container, blob.name, blob.etag)
    return "deleted"
