"""Uploads that no event told of: media newer than the watermark, without a job under any options."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from service.errors import BadRequest, UnsupportedMedia
from service.jobs.job import AnalysisJob, JobOptions
from service.jobs.media_kind import kind_of
from service.jobs.names import check_blob, media_type_of
from service.jobs.result_place import is_result
from service.jobs.sweep.finding import Finding, Found, Places, every_blob
from service.logs import continued_trace
from service.storage.blob_store import BlobInfo

OVERLAP = timedelta(hours=1)
"""Storage's clock and ours may differ, and so may two writes' order and times."""


def without_job(places: Places, container: str, watermark: datetime, before: datetime) -> Iterator[Found]:
    """Those written between the two times."""
    since = watermark - OVERLAP
    known: set[tuple[str, str]] | None = None
    for blob in every_blob(places.blobs, container):
        written = blob.last_modified
        if not written or not since <= written <= before or not _can_be_analysed(places, container, blob):
            continue
        if known is None:
            known = _versions_with_a_job(places, container, since)
        if (blob.name, blob.etag) not in known:
            finding = Finding("upload without a job", container, blob.name, written)
            yield Found(finding, partial(_submit, places, container, blob.name))


def _can_be_analysed(places: Places, container: str, blob: BlobInfo) -> bool:
    if is_result(container, blob.name, places.results_container):
        return False
    try:
        check_blob(blob.name)
    except BadRequest:
        return False
    return kind_of(blob.name, blob.content_type) is not None


def _versions_with_a_job(places: Places, container: str, since: datetime) -> set[tuple[str, str]]:
    known: set[tuple[str, str]] = set()
    cursor = ""
    while True:
        page = places.table.page(container=container, state=None, cursor=cursor, size=1000)
        known |= {(record.job.blob, record.job.etag) for record in page.records}
        cursor = page.cursor
        # Newest first, and a job is no older than the upload that it is about.
        if not cursor or (page.records and page.records[-1].created < since - OVERLAP):
            return known


def _submit(places: Places, container: str, name: str) -> str:
    blob = places.blobs.info(container, name)
    media = kind_of(name, blob.content_type)
    if media is None:
        raise UnsupportedMedia("it has been overwritten by what is no media")
    media_type = media_type_of(name, blob.metadata, places.default_media_type)
    options = JobOptions.resolve(media, media_type, {})
    record = places.submitter.submit(
        AnalysisJob(container, name, blob.etag, media, media_type, options), continued_trace(None)
    )
    return f"submitted as job {record.job.job_id}"
