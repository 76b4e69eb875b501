"""Keys and properties of the job table's entities, as pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from service.jobs.job import AnalysisJob
from service.jobs.record import JobRecord
from service.storage.account import date_of

SECONDS_DIGITS = 11
"""Digits of whole seconds in a row's time, which is in milliseconds."""
END_OF_TIME_MS = 10**14

_PLAIN = [field.name for field in fields(JobRecord) if field.name not in {"job", "version", "age_s", "others"}]
_OURS = {*_PLAIN, "job", "job_id", "PartitionKey", "RowKey"}


def entity_of(record: JobRecord) -> dict[str, Any]:
    """Return the entity of a record."""
    values: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    key = record.job.job_id
    return {
        **record.others,
        "PartitionKey": key,
        "RowKey": key,
        "job": record.job.as_json(),
        **{name: value for name, value in values.items() if value is not None},
    }


def record_of(entity: Mapping[str, Any]) -> JobRecord:
    """Return the record in an entity. Raises BadJob where it is a newer release's."""
    values = {name: entity[name] for name in _PLAIN if name in entity}
    job = AnalysisJob.from_json(str(entity["job"]))
    version = str(entity.metadata["etag"])  # type: ignore[attr-defined]
    others = {name: value for name, value in entity.items() if name not in _OURS}
    return JobRecord(job=job, version=version, others=others, **values)


def age_s(written: datetime, date: str | None) -> float:
    """Return the seconds between an entity's timestamp and the `Date` of the answer that has it."""
    read = date_of(date or "")
    return max(0.0, (read - written).total_seconds()) if read else 0.0


def of_container(container: str) -> str:
    """Return the name of a container's list."""
    return f"in-{container}"


def partition(listing: str, row: str) -> str:
    """Return a row's partition in a list; the first for no row. A comma sorts before all characters of names."""
    return f"{listing},{row[:SECONDS_DIGITS]}"


def row_of(created: datetime, job_id: str) -> str:
    """Return the row key of a job in lists: its inverted time of submission, so that the newest come first."""
    return f"{END_OF_TIME_MS - int(created.timestamp() * 1000):014d}-{job_id}"


def row_of_record(record: JobRecord) -> str:
    """Return `row_of` a record."""
    return row_of(record.created, record.job.job_id)


def place_of(record: JobRecord) -> str:
    """Return container and blob, as they are searched."""
    return f"{record.job.container}/{record.job.blob}"


def plain(text: str) -> str:
    """Fold case, and bring letters with marks into one form (macOS has another in file names)."""
    return unicodedata.normalize("NFC", text).casefold()
