"""Artefacts of attempts that died: in the results, but no result points to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from service.errors import NotFound
from service.jobs.sweep.finding import Finding, Found, Places, every_blob
from service.storage.blob_store import BlobInfo

_ARTEFACT = re.compile(r"/(?P<job>[0-9a-f]{32})/(?P<attempt>[0-9a-f]{12})/[^/]+$")
"""The end of an artefact's name, as `publish.ResultPlace` makes it."""


def leftovers(places: Places, container: str, prefix: str, before: datetime) -> Iterator[Found]:
    """Those written before that time, of jobs that have finished."""
    pointed_to: dict[str, str | None] = {}
    for blob in every_blob(places.blobs, container, prefix):
        name = _ARTEFACT.search(blob.name)
        if not name or not blob.last_modified or blob.last_modified > before:
            continue
        job_id = name["job"]
        if job_id not in pointed_to:
            pointed_to[job_id] = _pointed_to(places, job_id)
        if pointed_to[job_id] not in {None, name["attempt"]}:
            finding = Finding("leftover", container, blob.name, blob.last_modified, job_id)
            yield Found(finding, partial(_delete, places, container, blob))


def _pointed_to(places: Places, job_id: str) -> str | None:
    """The attempt whose artefacts a finished job points to; None where all have to be left alone."""
    try:
        record = places.table.get(job_id)
    except NotFound:
        return None
    return (record.attempt_published or record.attempt_id) if record.is_finished else None


def _delete(places: Places, container: str, blob: BlobInfo) -> str:
    places.blobs.delete(container, blob.name, blob.etag)
    return "deleted"
