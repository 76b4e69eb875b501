"""The job records, in Azure Table Storage (or Azurite).

Two kinds of entities share the table. A *record* is found by its job id (partition and row). *Index* entities
hold a job id, and the blob's name to be searched, in two *lists*: all jobs, and those of the container. Their row key
is the inverted time of submission, so that the newest come first, and its whole seconds end the partition's name: a
list is a range of small partitions, for the emulator looks through a whole one at each write, and the service splits
where one is.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from service.errors import BadJob, BadRequest, BlobExists, NotFound, RecordChanged
from service.jobs.job import AnalysisJob
from service.jobs.record import JobRecord, State
from service.logs import log
from service.storage.account import date_of, translated

ALL = "jobs"
"""The list over all containers; no container's has this form."""
SECONDS_DIGITS = 11
"""Of a row's time, which is in milliseconds."""

PURGED = "purged"
"""Property of the mark in place of a record."""

END_OF_TIME_MS = 10**14
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
READS_AT_ONCE = 8
REPEATABLE: dict[str, Any] = {"retry_on_methods": frozenset({"POST", "PATCH"})}
"""For writes that can be made twice: the SDK sends them again where the connection ended without an answer."""
IN_A_TRANSACTION = 100
"""Most entities of one partition that storage writes together."""
STORAGE_PAGE = 1000
"""The most that table storage returns at once."""
SCANNED_AT_ONCE = 5 * STORAGE_PAGE
"""Index entities that one page of a search looks at, at most."""


_ROW = re.compile(r"\d{14}-[0-9a-f]{32}")


class Purged(NotFound):
    """The job was purged: only a tombstone without any text is left of it."""

    code = "job_not_found"


@dataclass(frozen=True)
class JobPage:
    """Some job records, newest first; `cursor` is opaque and empty at the end."""

    records: list[JobRecord]
    cursor: str


class JobTable:
    """Creates, reads, lists and conditionally updates job records."""

    def __init__(self, service: TableServiceClient, name: str) -> None:
        self._service = service
        self._name = name
        self._table: TableClient = service.get_table_client(name)

    @property
    def name(self) -> str:
        return self._name

    def ensure(self) -> None:
        """Create the table where it does not exist."""
        with suppress(BlobExists), translated("creating the job table", exists=BlobExists()):
            self._service.create_table(self._name)

    def create(self, record: JobRecord) -> JobRecord:
        """Insert a record create-only, or return the existing one."""
        try:
            with translated("inserting a job record", exists=RecordChanged()):
                # Where the first request was applied after all, its repetition finds the record there.
                answer = self._table.create_entity(_entity(record), **REPEATABLE)
            return replace(record, version=str(answer["etag"]))
        except RecordChanged:
            try:
                return self.get(record.job.job_id)
            except Purged:
                # Submitted anew after a purge.
                with translated("inserting a job record"):
                    answer = self._table.upsert_entity(_entity(record), mode=UpdateMode.REPLACE)
                return replace(record, version=str(answer["etag"]))

    def purge(self, record: JobRecord) -> None:
        """Delete a finished job's record, also from the lists. Raises RecordChanged if it was changed meanwhile."""
        key = record.job.job_id
        with translated("deleting a job record", changed=RecordChanged(), missing=RecordChanged()):
            self._table.update_entity(
                {"PartitionKey": key, "RowKey": key, PURGED: True},
                mode=UpdateMode.REPLACE,
                etag=record.version,
                match_condition=MatchConditions.IfNotModified,
            )
        self.unlist(record.job.container, _inverted(record.created, key))

    def unlist(self, container: str, row: str) -> None:
        """Delete a row from the lists; harmless to repeat."""
        for listing in (ALL, _of_container(container)):
            with suppress(NotFound), translated("taking a job out of a list", missing=NotFound()):
                self._table.delete_entity(_partition(listing, row), row)

    def indexed(self, container: str) -> Iterator[tuple[str, str]]:
        """List row and job id of each entry in a container's list."""
        found = self._listed(_of_container(container), "", STORAGE_PAGE)
        with translated("listing jobs"):
            for entity in found:
                yield str(entity["RowKey"]), str(entity["job_id"])

    def index(self, *records: JobRecord) -> None:
        """Put records into the lists, many in one call; harmless to repeat."""
        rows: dict[str, list[dict[str, str]]] = {}
        for record in records:
            row = {
                "RowKey": _inverted(record.created, record.job.job_id),
                "job_id": record.job.job_id,
                "place": _place(record),
            }
            for listing in (ALL, _of_container(record.job.container)):
                partition = _partition(listing, row["RowKey"])
                rows.setdefault(partition, []).append({"PartitionKey": partition, **row})
        with translated("indexing jobs"):
            for of_partition in rows.values():
                self._upsert(of_partition)

    def _upsert(self, rows: list[dict[str, str]]) -> None:
        """Write rows of one partition; a transaction takes each row once."""
        unique = list({row["RowKey"]: row for row in rows}.values())
        if len(unique) == 1:
            self._table.upsert_entity(unique[0], **REPEATABLE)
            return
        for begin in range(0, len(unique), IN_A_TRANSACTION):
            together = unique[begin : begin + IN_A_TRANSACTION]
            self._table.submit_transaction([("upsert", row) for row in together], **REPEATABLE)

    def get(self, job_id: str) -> JobRecord:
        """Read a record. Raises NotFound; Purged where it was deleted on purpose."""
        dates: list[str] = []
        with translated("reading a job record", missing=NotFound(f"there is no job {job_id}", "job_not_found")):
            entity = self._table.get_entity(
                job_id, job_id, raw_response_hook=lambda answer: dates.append(answer.http_response.headers.get("Date"))
            )
        if PURGED in entity:
            raise Purged(f"there is no job {job_id} any more", "job_not_found")
        written = entity.metadata["timestamp"]
        return replace(_record(entity), age_s=age_s(written, dates[-1] if dates else None) if written else 0.0)

    def update(self, record: JobRecord) -> JobRecord:
        """Write a record unless it was changed since it was read. Raises RecordChanged."""
        with translated("updating a job record", changed=RecordChanged(), missing=RecordChanged()):
            answer = self._table.update_entity(
                _entity(record),
                mode=UpdateMode.REPLACE,
                etag=record.version,
                match_condition=MatchConditions.IfNotModified,
            )
        return replace(record, version=str(answer["etag"]))

    def page(
        self, *, container: str | None, state: State | None, text: str = "", cursor: str = "", size: int = 50
    ) -> JobPage:
        """Newest first. With `state` or `text`, a page may be short or empty although more follow: go by the cursor.

        Args:
            text: a part of the container's or the blob's name, in upper or lower case.

        Raises:
            BadRequest: the cursor is not one of an earlier page.
        """
        listing = _of_container(container) if container else ALL
        entities = self._listed(listing, _decode_cursor(cursor), STORAGE_PAGE if text else min(size + 1, STORAGE_PAGE))
        wanted = _plain(text)
        with translated("listing jobs"):
            ids, after = _matching(entities, wanted, size)
        records = [
            record
            for record in self.several(ids)
            if (not state or record.state == state) and wanted in _plain(_place(record))
        ]
        return JobPage(records, _encode_cursor(after) if after else "")

    def records(self, *, container: str | None, state: State | None = None, size: int = 50) -> Iterator[JobRecord]:
        """List all records, newest first, page by page."""
        cursor = ""
        while True:
            page = self.page(container=container, state=state, cursor=cursor, size=size)
            yield from page.records
            cursor = page.cursor
            if not cursor:
                return

    def unsettled(self) -> Iterator[tuple[JobRecord, datetime]]:
        """Records whose job has not finished, or failed without a poison message, each with its last write's time."""
        wanted = "state eq 'queued' or state eq 'running' or (state eq 'failed' and poisoned eq false)"
        with translated("looking for unsettled jobs"):
            for entity in self._table.query_entities(wanted):
                try:
                    record = _record(entity)
                except BadJob as error:
                    log.warning("record.not_understood", job_id=entity["RowKey"], error=error.message)
                    continue
                yield record, entity.metadata["timestamp"] or END_OF_TIME

    def ping(self) -> None:
        """Send a trivial request. Raises StorageUnavailable."""
        with translated("asking the job table"):
            next(self._table.query_entities("PartitionKey eq 'none'", results_per_page=1).by_page(), None)

    def exists(self) -> bool:
        """Return whether the table is there."""
        try:
            with translated("asking for the job table", missing=NotFound()):
                next(self._table.query_entities("PartitionKey eq 'none'", results_per_page=1).by_page(), None)
        except NotFound:
            return False
        return True

    def several(self, job_ids: Iterable[str]) -> list[JobRecord]:
        """Read the records that exist, in the order of the ids."""
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            return [record for record in pool.map(self._get_or_none, job_ids) if record]

    def beginning_with(self, prefix: str, most: int = 2) -> list[str]:
        """List ids of jobs that begin with these hex digits, at most `most`."""
        found = self._table.query_entities(
            # `g` follows the last hex digit, so this is a range of the key and no scan.
            "PartitionKey ge @first and PartitionKey lt @after",
            parameters={"first": prefix, "after": f"{prefix}g"},
            select=["PartitionKey"],
            results_per_page=most,
        )
        with translated("looking for a job"):
            return [str(entity["PartitionKey"]) for entity in islice(found, most)]

    def _listed(self, listing: str, after: str, page_size: int) -> Iterable[Mapping[str, Any]]:
        """Query a list's entities after a row, newest first."""
        return self._table.query_entities(
            "PartitionKey ge @first and PartitionKey lt @beyond and RowKey gt @after",
            parameters={"first": _partition(listing, after), "beyond": f"{listing}-", "after": after},
            results_per_page=page_size,
        )

    def _get_or_none(self, job_id: str) -> JobRecord | None:
        try:
            return self.get(job_id)
        except NotFound:
            return None
        except BadJob as error:
            # A newer release's; lists leave it out until this worker is replaced as well.
            log.warning("record.not_understood", job_id=job_id, error=error.message)
            return None


_PLAIN = [field.name for field in fields(JobRecord) if field.name not in {"job", "version", "age_s", "others"}]
_OURS = {*_PLAIN, "job", "PartitionKey", "RowKey"}


def age_s(written: datetime, date: str | None) -> float:
    """Return the seconds between an entity's timestamp and the `Date` of the answer that has it."""
    read = date_of(date or "")
    return max(0.0, (read - written).total_seconds()) if read else 0.0


def _entity(record: JobRecord) -> dict[str, Any]:
    entity: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    key = record.job.job_id
    return {
        **record.others,
        "PartitionKey": key,
        "RowKey": key,
        "job": record.job.as_json(),
        **{name: value for name, value in entity.items() if value is not None},
    }


def _record(entity: Mapping[str, Any]) -> JobRecord:
    values = {name: entity[name] for name in _PLAIN if name in entity}
    job = AnalysisJob.from_json(str(entity["job"]))
    version = str(entity.metadata["etag"])  # type: ignore[attr-defined]
    others = {name: value for name, value in entity.items() if name not in _OURS}
    return JobRecord(job=job, version=version, others=others, **values)


def _of_container(container: str) -> str:
    return f"in-{container}"


def _partition(listing: str, row: str) -> str:
    """Return a row's partition in a list; the first for no row. A comma sorts before all characters of names."""
    return f"{listing},{row[:SECONDS_DIGITS]}"


def _inverted(created: datetime, job_id: str) -> str:
    return f"{END_OF_TIME_MS - int(created.timestamp() * 1000):014d}-{job_id}"


def _place(record: JobRecord) -> str:
    return f"{record.job.container}/{record.job.blob}"


def _plain(text: str) -> str:
    """Fold case, and bring letters with marks into one form (macOS has another in file names)."""
    return unicodedata.normalize("NFC", text).casefold()


def _matching(entities: Iterable[Mapping[str, Any]], wanted: str, size: int) -> tuple[list[str], str]:
    """Return job ids of the next entities that may match, and the row to go on after; empty at the end."""
    ids: list[str] = []
    after = ""
    for scanned, entity in enumerate(entities):
        if len(ids) == size or scanned == SCANNED_AT_ONCE:
            return ids, after
        after = str(entity["RowKey"])
        # An entity of an earlier release has no place: its record has.
        if wanted in _plain(str(entity.get("place", wanted))):
            ids.append(str(entity["job_id"]))
    return ids, ""


def _encode_cursor(after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": after}).encode()).decode()


def _decode_cursor(cursor: str) -> str:
    """Return the row to go on after; the empty text sorts before all rows."""
    if not cursor:
        return ""
    try:
        after = json.loads(base64.urlsafe_b64decode(cursor))["after"]
        if not _ROW.fullmatch(after):
            raise ValueError("not a row")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequest("the cursor is not one that a list of jobs gave", "bad_cursor") from error
    return str(after)
