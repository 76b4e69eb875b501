"""Find jobs that no worker will ever finish: their message was lost between two writes, or never sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from service.errors import RecordChanged
from service.jobs.backend import JobBackend
from service.jobs.job import QueuedJob
from service.jobs.record import JobRecord, now
from service.jobs.sweep.finding import Finding, Found, Kind

SENT_WITHIN = timedelta(minutes=1)
"""A message is a little younger than its record: it is sent after it, and storage counts whole seconds."""


def unsettled(backend: JobBackend, before: datetime) -> Iterator[Found]:
    """Yield unfinished jobs whose records were last written before a time."""
    oldest_waiting = backend.queue.oldest_waiting()
    moment, grace_s = now(), (now() - before).total_seconds()
    for record in backend.table.unsettled():
        # An age is up to a second too low, since answers have whole seconds.
        if record.age_s + 1 < grace_s or record.held_by_another_s():
            continue
        written = moment - timedelta(seconds=record.age_s)
        kind = _kind(record, oldest_waiting)
        if kind:
            act = _set_aside if kind == "not set aside" else _send_again
            finding = Finding(kind, record.job.container, record.job.blob, written, record.job.job_id)
            yield Found(finding, partial(act, backend, record))


def _kind(record: JobRecord, oldest_waiting: datetime | None) -> Kind | None:
    if record.state == "failed":
        return "not set aside"
    if record.state == "running":
        return "record stuck"
    # The queue is worked through from its head: a message older than the head is no longer in it.
    lost = oldest_waiting is None or oldest_waiting > record.created + SENT_WITHIN
    return "job without a message" if lost else None


def _send_again(backend: JobBackend, record: JobRecord) -> str:
    # A spare message is dropped by the worker that receives it; an index entry is only put where it is missing.
    backend.table.index(record)
    backend.queue.send(_message(record))
    return "message sent again"


def _set_aside(backend: JobBackend, record: JobRecord) -> str:
    backend.queue.send_to_poison(_message(record))
    with suppress(RecordChanged):
        backend.table.update(record.set_aside())
    return "message put into the poison queue"


def _message(record: JobRecord) -> str:
    return QueuedJob(record.job, record.traceparent).encode()
