"""The job records, in Azure Table Storage (or Azurite).

Three kinds of entities share the table. A *record* is found by its job id (partition and row). Rows of the *state
index*, which lists all jobs, are described in `state_index`. *Index* entities hold a job id, and the blob's name to be
searched, in the *list* of the container. Their row key is the inverted time of submission, so that the newest come
first, and its whole seconds end the partition's name: a list is a range of small partitions, for the emulator looks
through a whole one at each write, and the service splits where one is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from service.errors import BadJob, BadRequest, BlobExists, NotFound, RecordChanged
from service.jobs.job_search import JobSearch, Position
from service.jobs.record import JobRecord, State
from service.jobs.state_index import StateIndex, each_once, is_settled
from service.jobs.studies import StudyIndex
from service.jobs.table_rows import (
    age_s,
    entity_of,
    of_container,
    partition,
    place_of,
    plain,
    record_of,
    row_of,
    row_of_record,
)
from service.jobs.text_index import TextIndex
from service.jobs.upload_places import UploadPlaces
from service.logs import log
from service.storage.account import translated

ALL = "jobs"
"""The list over all containers that earlier releases kept; no container's has this form."""

PURGED = "purged"
"""Property of the tombstone of a purged job."""
REMOVED = "removed"
"""Property of the tombstone of a job whose record was removed after its retention: its state."""

LONGEST_LAG_S = 30.0
"""A row's copy that differs from an open job's record for longer is put right by the sweep."""
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


class Removed(NotFound):
    """The job's record was removed after its retention; its upload or its table is still there."""

    code = "job_not_found"

    def __init__(self, state: State) -> None:
        super().__init__("the job's record was removed after RECORD_RETENTION_DAYS")
        self.state = state


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
        self._index = StateIndex(self._table)
        self._texts = TextIndex(self._table)
        self._places = UploadPlaces(self._table)
        self._studies = StudyIndex(self._table)

    @property
    def name(self) -> str:
        return self._name

    @property
    def text_index(self) -> TextIndex:
        """The rows by names of files."""
        return self._texts

    @property
    def upload_places(self) -> UploadPlaces:
        """The containers of files that pages and clients sent."""
        return self._places

    @property
    def studies(self) -> StudyIndex:
        """The rows by study."""
        return self._studies

    @property
    def state_index(self) -> StateIndex:
        """The rows by state and time."""
        return self._index

    def ensure(self) -> None:
        """Create the table where it does not exist."""
        # A role on the table alone lets it be read; tables are created by a request to the account.
        if self.exists():
            return
        with suppress(BlobExists), translated("creating the job table", exists=BlobExists()):
            self._service.create_table(self._name)
            self._index.mark.start_complete()
            self._texts.mark.start_complete()

    def create(self, record: JobRecord) -> JobRecord:
        """Insert a record create-only, or return the existing one."""
        try:
            with translated("inserting a job record", exists=RecordChanged()):
                # Where the first request was applied after all, its repetition finds the record there.
                answer = self._table.create_entity(entity_of(record), **REPEATABLE)
            return replace(record, version=str(answer["etag"]))
        except RecordChanged:
            try:
                return self._known(record)
            except Purged:
                # Submitted anew after a purge.
                with translated("inserting a job record"):
                    answer = self._table.upsert_entity(entity_of(record), mode=UpdateMode.REPLACE)
                return replace(record, version=str(answer["etag"]))

    def _known(self, record: JobRecord) -> JobRecord:
        """Read the record of a job, or what is left of it after its retention. Raises Purged."""
        try:
            return self.get(record.job.job_id)
        except Removed as removed:
            return replace(record, state=removed.state, stage=removed.state, finished=record.created, poisoned=True)

    def remove(self, record: JobRecord, *, leave_tombstone: bool) -> None:
        """Delete a settled job's record and rows after its retention; a tombstone keeps the job from running again.

        Raises:
            RecordChanged: the record was changed meanwhile.
        """
        self._replace(record, {REMOVED: record.state}) if leave_tombstone else self.forget(record.job.job_id)
        self.unlist(place_of(record), row_of_record(record))
        self._studies.forget(record.job.job_id)
        self._index.remove(row_of_record(record), record.state)

    def forget(self, job_id: str) -> None:
        """Delete a record or a tombstone; harmless to repeat."""
        with suppress(NotFound), translated("deleting a job record", missing=NotFound()):
            self._table.delete_entity(job_id, job_id)

    def _replace(self, record: JobRecord, properties: Mapping[str, Any]) -> None:
        key = record.job.job_id
        with translated("deleting a job record", changed=RecordChanged(), missing=RecordChanged()):
            self._table.update_entity(
                {"PartitionKey": key, "RowKey": key, **properties},
                mode=UpdateMode.REPLACE,
                etag=record.version,
                match_condition=MatchConditions.IfNotModified,
            )

    def purge(self, record: JobRecord) -> None:
        """Delete a finished job's record, also from the lists. Raises RecordChanged if it was changed meanwhile."""
        self._replace(record, {PURGED: True})
        self.unlist(place_of(record), row_of_record(record))
        self._studies.forget(record.job.job_id)
        self._index.remove(row_of_record(record), record.state)

    def unlist(self, place: str, row: str) -> None:
        """Delete a row from the lists and from the text index; harmless to repeat."""
        self._texts.remove(place, row)
        for listing in (ALL, of_container(place.partition("/")[0])):
            with suppress(NotFound), translated("taking a job out of a list", missing=NotFound()):
                self._table.delete_entity(partition(listing, row), row)

    def indexed(self, container: str) -> Iterator[tuple[str, str, str]]:
        """List row, job id and place of each entry in a container's list; early releases kept no blob in it."""
        found = self._listed(of_container(container), "", STORAGE_PAGE)
        with translated("listing jobs"):
            for entity in found:
                yield str(entity["RowKey"]), str(entity["job_id"]), str(entity.get("place", f"{container}/"))

    def versions(self, container: str, since: datetime) -> Iterator[tuple[str, str]]:
        """List blob and ETag of each job of a container that was submitted since a time; most come in one request."""
        beyond = row_of(since, "g")
        with translated("listing jobs"):
            for entity in self._listed(of_container(container), "", STORAGE_PAGE):
                if str(entity["RowKey"]) > beyond:
                    return
                if "etag" in entity:
                    yield str(entity["place"]).removeprefix(f"{container}/"), str(entity["etag"])
                # A row of an earlier release.
                elif record := self._get_or_none(str(entity["job_id"])):
                    yield record.job.blob, record.job.etag

    def index(self, *records: JobRecord) -> None:
        """Put records into all lists, that of their state included, many in one call; harmless to repeat."""
        self._index.put(records)
        self.add_to_lists(*records)

    def add_to_lists(self, *records: JobRecord) -> None:
        """Put records into the lists of containers and the text index; harmless to repeat."""
        rows: dict[str, list[dict[str, str]]] = {}
        for record in records:
            row = {
                "RowKey": row_of_record(record),
                "job_id": record.job.job_id,
                "place": place_of(record),
                "etag": record.job.etag,
            }
            key = partition(of_container(record.job.container), row["RowKey"])
            rows.setdefault(key, []).append({"PartitionKey": key, **row})
        with translated("indexing jobs"):
            for of_partition in rows.values():
                self._upsert(of_partition)
        self._texts.put(records)

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
        if REMOVED in entity:
            raise Removed(entity[REMOVED])
        if PURGED in entity:
            raise Purged(f"there is no job {job_id} any more", "job_not_found")
        written = entity.metadata["timestamp"]
        return replace(record_of(entity), age_s=age_s(written, dates[-1] if dates else None) if written else 0.0)

    def update(self, record: JobRecord, *, rows_later: bool = False) -> JobRecord:
        """Write a record unless it was changed since it was read.

        Args:
            rows_later: the caller has the rows of the finished job written by `renew_rows`.

        Raises:
            RecordChanged: it was changed.
        """
        with translated("updating a job record", changed=RecordChanged(), missing=RecordChanged()):
            answer = self._table.update_entity(
                entity_of(record),
                mode=UpdateMode.REPLACE,
                etag=record.version,
                match_condition=MatchConditions.IfNotModified,
            )
        if record.is_finished and not rows_later:
            self.renew_rows(record)
        return replace(record, version=str(answer["etag"]), age_s=0.0)

    def renew_rows(self, *records: JobRecord) -> None:
        """Write the rows of settled jobs in the state index; none of a job that was purged or removed meanwhile."""
        if self._index.renew(*records):
            return
        for record in records:
            try:
                self.get(record.job.job_id)
            except NotFound:
                self._index.remove(row_of_record(record), record.state)

    def page(
        self,
        *,
        container: str | None,
        state: State | None,
        text: str = "",
        key_name: str = "",
        cursor: str = "",
        size: int = 50,
    ) -> JobPage:
        """Newest first. With a filter, a page may be short or empty although more follow: go by the cursor.

        Args:
            text: a part of the container's or the blob's name, in upper or lower case. Over all containers, names of
                files and then of containers that begin with it come first.
            key_name: only jobs of this API key; empty for all.

        Raises:
            BadRequest: the cursor is not one of an earlier page.
        """
        if state and not container and not text and not key_name and self._index.mark.is_complete():
            records, last = self._index.page(state, _decode_cursor(cursor), size)
            return JobPage(records, _encode_cursor(last) if last else "")
        if text and not container and self._texts.mark.is_complete():
            return self._search(plain(text), state, key_name, cursor, size)
        after, at_once = _decode_cursor(cursor), STORAGE_PAGE if text else min(size + 1, STORAGE_PAGE)
        entities = (
            self._listed(of_container(container), after, at_once) if container else self.rows_of_all(after, at_once)
        )
        wanted = plain(text)
        with translated("listing jobs"):
            ids, after = _matching(entities, wanted, size)
        records = [
            record
            for record in self.several(ids)
            if (not state or record.state == state)
            and (not key_name or record.key_name == key_name)
            and wanted in plain(place_of(record))
        ]
        return JobPage(records, _encode_cursor(after) if after else "")

    def _search(self, text: str, state: State | None, key_name: str, cursor: str, size: int) -> JobPage:
        search = JobSearch(self, self._texts, text, SCANNED_AT_ONCE, size)
        with translated("searching jobs"):
            hits, end = search.page(Position.read(_decoded(cursor)) if cursor else Position())
        phases = {hit.job_id: hit.phase for hit in hits}
        records = [
            record
            for record in self.several(phases)
            if (not state or record.state == state)
            and (not key_name or record.key_name == key_name)
            and search.is_of(phases[record.job.job_id], place_of(record))
        ]
        return JobPage(records, _encoded(end.as_dict()) if end else "")

    def rows_of_all(self, after: str, size: int) -> Iterable[Mapping[str, Any]]:
        """Query all jobs after a row, newest first."""
        known = self._index.all_rows(after, size)
        return known if self._index.mark.is_complete() else each_once((known, self._listed(ALL, after, size)))

    def rows_between(self, first: str, beyond: str, after: tuple[str, str], size: int) -> Iterable[Mapping[str, Any]]:
        """Query rows of the partitions between two, after one of them."""
        return self._table.query_entities(
            "PartitionKey ge @first and PartitionKey lt @beyond and ( PartitionKey gt @partition or RowKey gt @row )",
            parameters={"first": max(first, after[0]), "beyond": beyond, "partition": after[0], "row": after[1]},
            results_per_page=size,
        )

    def records(self, *, container: str | None, state: State | None = None, size: int = 50) -> Iterator[JobRecord]:
        """List all records, newest first, page by page."""
        cursor = ""
        while True:
            page = self.page(container=container, state=state, cursor=cursor, size=size)
            yield from page.records
            cursor = page.cursor
            if not cursor:
                return

    def unsettled(self) -> Iterator[JobRecord]:
        """Yield records of jobs that have not finished, or failed without a poison message; tidy the state index."""
        rows = self._index.open_rows()
        while together := list(islice(rows, STORAGE_PAGE)):
            records = {record.job.job_id: record for record in self.several(row["job_id"] for row in together)}
            yield from (record for record in records.values() if not is_settled(record))
            self._tidy(together, records)

    def _tidy(self, rows: Iterable[Mapping[str, Any]], records: Mapping[str, JobRecord]) -> None:
        """Put right open rows that a process left when it died; a worker that lives renews its own."""
        for row in rows:
            record = records.get(row["job_id"])
            if record is None:
                self._index.drop_orphan(row)
            elif row["RowKey"] != row_of_record(record):
                # Of a submission that found the job known, and could not delete its own row any more.
                self._index.drop(row)
            elif is_settled(record) or (row.get("state") != record.state and record.age_s > LONGEST_LAG_S):
                self._index.put([record])

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
            parameters={"first": partition(listing, after), "beyond": f"{listing}-", "after": after},
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


def _matching(entities: Iterable[Mapping[str, Any]], wanted: str, size: int) -> tuple[list[str], str]:
    """Return job ids of the next entities that may match, and the row to go on after; empty at the end."""
    ids: list[str] = []
    after = ""
    for scanned, entity in enumerate(entities):
        if len(ids) == size or scanned == SCANNED_AT_ONCE:
            return ids, after
        after = str(entity["RowKey"])
        # An entity of an earlier release has no place: its record has.
        if wanted in plain(str(entity.get("place", wanted))):
            ids.append(str(entity["job_id"]))
    return ids, ""


def _encode_cursor(after: str) -> str:
    return _encoded({"after": after})


def _encoded(values: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _decoded(cursor: str) -> dict[str, Any]:
    """Return the values of a cursor. Raises BadRequest."""
    try:
        return dict(json.loads(base64.urlsafe_b64decode(cursor)))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest("the cursor is not one that a list of jobs gave", "bad_cursor") from error


def _decode_cursor(cursor: str) -> str:
    """Return the row to go on after; the empty text sorts before all rows."""
    if not cursor:
        return ""
    after = _decoded(cursor).get("after")
    if not isinstance(after, str) or not _ROW.fullmatch(after):
        raise BadRequest("the cursor is not one that a list of jobs gave", "bad_cursor")
    return after
