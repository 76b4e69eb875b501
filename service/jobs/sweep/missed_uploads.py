"""Find uploads whose event was lost: media newer than the watermark, without a job under any options."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from service.errors import MediaNotFound, UnsupportedMedia
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import kind_of, media_type_of, options_of
from service.jobs.names import is_upload
from service.jobs.options import JobOptions
from service.jobs.sequence import is_member_only
from service.jobs.studies import study_of
from service.jobs.submit import uploader_of
from service.jobs.sweep.finding import Finding, Found, every_blob
from service.logs import continued_trace
from service.storage.blob_store import BlobInfo

OVERLAP = timedelta(hours=1)
"""Clocks differ, and so may the order and the times of two writes."""


def without_job(backend: JobBackend, container: str, watermark: datetime, before: datetime) -> Iterator[Found]:
    """Yield uploads without a job that were written between two times."""
    since = watermark - OVERLAP
    known: set[tuple[str, str]] | None = None
    for blob in every_blob(backend.blobs, container):
        written = blob.last_modified
        if not written or not since <= written <= before or not _can_be_analysed(backend, container, blob):
            continue
        if known is None:
            # A job is no older than its upload.
            known = set(backend.table.versions(container, since - OVERLAP))
        if (blob.name, blob.etag) not in known and not _is_member(backend, container, blob.name):
            finding = Finding("upload without a job", container, blob.name, written)
            yield Found(finding, partial(_submit, backend, container, blob.name))


def _can_be_analysed(backend: JobBackend, container: str, blob: BlobInfo) -> bool:
    if not is_upload(container, blob.name, backend.settings.results_container):
        return False
    return kind_of(blob.name, blob.content_type) is not None


def _is_member(backend: JobBackend, container: str, name: str) -> bool:
    """Return whether a picture is a member of a sequence only, by its metadata."""
    try:
        metadata = backend.blobs.info(container, name).metadata
    except MediaNotFound:
        return True
    return is_member_only(metadata)


def _submit(backend: JobBackend, container: str, name: str) -> str:
    blob = backend.blobs.info(container, name)
    media = kind_of(name, blob.content_type)
    if media is None:
        raise UnsupportedMedia("it has been overwritten, and is no media now")
    media_type = media_type_of(name, blob.metadata, backend.settings.default_media_type)
    options = JobOptions.resolve(media, media_type, options_of(blob.metadata))
    record = backend.submitter.submit(
        AnalysisJob(container, name, blob.etag, media, media_type, options),
        continued_trace(None),
        uploader_of(blob.metadata),
        study_of(blob.metadata),
    )
    if not record.version:
        return f"job {record.job.job_id} has {record.state} before its record was removed"
    if record.state != "queued":
        # Its entries in the lists were lost: without them the next sweep would find it again.
        backend.table.index(record)
        return f"job {record.job.job_id} listed again"
    return f"submitted as job {record.job.job_id}"
