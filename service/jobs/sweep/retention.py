"""Remove job records and uploads' places after RECORD_RETENTION_DAYS; results and uploads end by lifecycle rules.

While the upload or the published table is still there, a tombstone with the job's state stays in place of its record,
so that a repeated event starts nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from service.errors import MediaNotFound, NotFound, RecordChanged
from service.jobs.backend import JobBackend
from service.jobs.record import FINISHED, JobRecord, State, now
from service.jobs.result_place import ResultPlace
from service.jobs.sweep.finding import Finding, Found
from service.jobs.upload_places import KnownPlace

RECORDS_A_RUN = 5000
TOMBSTONES_A_RUN = 2000
PLACES_A_RUN = 2000


def expired(backend: JobBackend, cursors: dict[str, str]) -> Iterator[Found]:
    """Yield finished jobs past their retention, and tombstones of jobs whose upload and table are gone."""
    days = backend.settings.record_retention_days
    if not days:
        return
    before = now() - timedelta(days=days)
    for state in sorted(FINISHED):
        for record in islice(backend.table.state_index.settled_before(state, before), RECORDS_A_RUN):
            # A long job may have ended long after its submission.
            if record.finished and record.finished < before:
                yield Found(_finding("expired record", record), partial(_remove, backend, record.job.job_id, state))
    yield from _tombstones(backend, cursors)
    yield from _upload_places(backend, before, cursors)


def _remove(backend: JobBackend, job_id: str, state: State) -> str:
    try:
        record = backend.table.get(job_id)
    except NotFound:
        return "removed already"
    if record.state != state:
        raise RecordChanged()
    leave = _is_still_there(backend, record)
    if leave:
        backend.table.state_index.put_tombstone(record)
    backend.table.remove(record, leave_tombstone=leave)
    return "removed; a tombstone stays" if leave else "removed"


def _tombstones(backend: JobBackend, cursors: dict[str, str]) -> Iterator[Found]:
    index, key = backend.table.state_index, "tombstones"
    records, cursors[key] = index.tombstones(cursors.get(key, ""), TOMBSTONES_A_RUN)
    for record in records:
        if not _is_still_there(backend, record):
            yield Found(_finding("expired tombstone", record), partial(_forget, backend, record))


def _upload_places(backend: JobBackend, before: datetime, cursors: dict[str, str]) -> Iterator[Found]:
    places, key = backend.table.upload_places, "upload places"
    known, cursors[key] = places.known(cursors.get(key, ""), PLACES_A_RUN)
    for place in known:
        if place.since < before and not _has_blobs(backend, place.container, f"{place.sha256}/"):
            finding = Finding("expired upload place", place.container, f"{place.sha256}/", place.since)
            yield Found(finding, partial(_forget_place, backend, place))


def _forget_place(backend: JobBackend, place: KnownPlace) -> str:
    backend.table.upload_places.remove(place)
    return "removed"


def _has_blobs(backend: JobBackend, container: str, prefix: str) -> bool:
    try:
        return bool(backend.blobs.page(container, "", prefix).blobs)
    except NotFound:
        return False


def _forget(backend: JobBackend, record: JobRecord) -> str:
    backend.table.forget(record.job.job_id)
    backend.table.state_index.remove_tombstone(record)
    return "removed"


def _is_still_there(backend: JobBackend, record: JobRecord) -> bool:
    """Return whether this version of the upload or the published table exists."""
    job = record.job
    try:
        if backend.blobs.info(job.container, job.blob).etag == job.etag:
            return True
    except MediaNotFound:
        pass
    place = ResultPlace.of(job, backend.settings.results_container)
    try:
        backend.blobs.info(place.container, place.csv)
    except MediaNotFound:
        return False
    return True


def _finding(kind: str, record: JobRecord) -> Finding:
    since: datetime = record.finished or record.created
    return Finding(
        "expired record" if kind == "expired record" else "expired tombstone",
        record.job.container,
        record.job.blob,
        since,
        record.job.job_id,
    )
