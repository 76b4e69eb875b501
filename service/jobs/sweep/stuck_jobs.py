"""Jobs that nobody will ever finish: their message was lost between two writes, or never sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from service.errors import RecordChanged
from service.jobs.job import QueuedJob
from service.jobs.record import JobRecord
from service.jobs.sweep.finding import Finding, Found, Kind, Places

SENT_WITHIN = timedelta(minutes=1)
"""A message is a little younger than its record: it is sent next, and storage counts whole seconds."""


def unsettled(places: Places, before: datetime) -> Iterator[Found]:
    """Of the records that nobody has written since `before`."""
    oldest_waiting = places.queue.oldest_waiting()
    for record, written in places.table.unsettled():
        if written > before or (record.lease_until and record.lease_until > before):
            continue
        kind = _kind(record, oldest_waiting)
        if kind:
            act = _set_aside if kind == "not set aside" else _send_again
            finding = Finding(kind, record.job.container, record.job.blob, written, record.job.job_id)
            yield Found(finding, partial(act, places, record))


def _kind(record: JobRecord, oldest_waiting: datetime | None) -> Kind | None:
    if record.state == "failed":
        return "not set aside"
    if record.state == "running":
        return "record stuck"
    # The queue is worked through from its head: a message older than the head is no longer in it.
    lost = oldest_waiting is None or oldest_waiting > record.created + SENT_WITHIN
    return "job without a message" if lost else None


def _send_again(places: Places, record: JobRecord) -> str:
    # A spare message is dropped by the worker that receives it; an index entry is only put where it is missing.
    places.table.index(record)
    places.queue.send(_message(record))
    return "message sent again"


def _set_aside(places: Places, record: JobRecord) -> str:
    places.queue.send_to_poison(_message(record))
    with suppress(RecordChanged):
        places.table.update(record.set_aside())
    return "message put into the poison queue"


def _message(record: JobRecord) -> str:
    return QueuedJob(record.job, record.traceparent).encode()
