"""The state index: jobs by state and time, in rows beside the records.

Each row holds a copy of its job's record, so that a page of a list is one request. An *open* job (queued, running, or
failed without a poison message) has a row in the list `is-open`, written before its record, so that none is ever
missing. A running job's copy is renewed by its worker's heartbeat: it may be a few seconds old. A settled job has a row
in the list of its state, whose copy never changes again; it is written after the record, by a worker together with
those of other jobs and within a second, and the open row is deleted then. A process that dies in between leaves an open
row of a settled job: the worker that gets the message next puts the rows right, else the sweep, which looks at the
records. Where a job's rows are deleted, the open one goes first, so that a missing one tells of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any, Literal

from azure.data.tables import TableClient

from service.errors import AnalysisError, NotFound
from service.jobs.index_mark import REPEATABLE, IndexMark, readable
from service.jobs.record import FINISHED, JobRecord, State, now
from service.jobs.table_rows import entity_of, partition, place_of, row_of, row_of_record
from service.logs import log
from service.storage.account import translated

OPEN = "is-open"
TOMBSTONES = "is-removed"
"""Jobs whose records were removed after their retention while their uploads or tables are still there."""
COMPLETE = "state-index"
"""Partition and row of the mark that older records have been indexed, and how far."""
ORPHAN_AFTER = timedelta(hours=1)
IN_A_TRANSACTION = 100
"""Most entities of one partition that storage writes together."""

Rows = dict[str, list[dict[str, Any]]]


def listing_of(state: State) -> str:
    """Return the name of a state's list."""
    return f"is-{state}" if state in FINISHED else OPEN


def is_settled(record: JobRecord) -> bool:
    """Return whether nothing is left to do for a job."""
    return record.is_finished and (record.state != "failed" or record.poisoned)


def settled_rows(records: Iterable[JobRecord]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Make the rows of settled jobs, each after the name of its list."""
    return ((listing_of(record.state), _row(record)) for record in records)


def by_partition(rows: Iterable[tuple[str, dict[str, Any]]]) -> Rows:
    """Sort rows of lists by partition, and name it in each."""
    of_partition: Rows = {}
    for listing, row in rows:
        key = partition(listing, row["RowKey"])
        of_partition.setdefault(key, []).append({**row, "PartitionKey": key})
    return of_partition


class StateIndex:
    """Reads and writes the rows of one job table."""

    def __init__(self, table: TableClient) -> None:
        self._table = table
        self.mark = IndexMark(table, COMPLETE)

    def open(self, records: Iterable[JobRecord]) -> None:
        """Write the rows of open jobs; harmless to repeat."""
        self._write("upsert", ((OPEN, _row(record)) for record in records))

    def close(self, records: Iterable[JobRecord]) -> bool:
        """Delete the rows of jobs that are not open (any more); return whether all were there."""
        return self._write("delete", ((OPEN, {"RowKey": row_of_record(record)}) for record in records))

    def put(self, records: Iterable[JobRecord]) -> bool:
        """Write the row of each record by its state now, and return whether the settled ones stood in the open list."""
        known = list(records)
        self.open(record for record in known if not is_settled(record))
        settled = [record for record in known if is_settled(record)]
        self.add_settled(settled)
        return self.close(settled)

    def add_settled(self, records: Iterable[JobRecord]) -> None:
        """Write the rows of settled jobs; harmless to repeat."""
        self._write("upsert", settled_rows(records))

    def renew(self, *records: JobRecord) -> bool:
        """See `put`; rows that cannot be written are left to the next time or a sweep."""
        try:
            return self.put(records)
        except AnalysisError as error:
            job_ids = ",".join(record.job.job_id for record in records)
            log.warning("state_index.left_to_sweep", job_id=job_ids, error=error.message)
            return True

    def remove(self, row: str, state: State | None = None) -> None:
        """Delete a job's rows, of any state where none is named; harmless to repeat."""
        states = [state] if state else sorted(FINISHED)
        for listing in (OPEN, *map(listing_of, states)):
            self._delete(partition(listing, row), row)

    def page(self, state: State, after: str, size: int) -> tuple[list[JobRecord], str]:
        """Return a page of a state, newest first, in one request; and the row to go on after, empty at the end."""
        rows = self.rows(listing_of(state), after, size + 1, "" if state in FINISHED else state)
        with translated("listing jobs by state"):
            found = list(islice(rows, size + 1))
        records = [record for entity in found[:size] if (record := readable(entity))]
        return records, str(found[size - 1]["RowKey"]) if len(found) > size else ""

    def drop_orphan(self, row: Mapping[str, Any]) -> None:
        """Delete an open row without a record, unless it was written a moment ago: its record comes next."""
        if str(row["RowKey"]) > row_of(now() - ORPHAN_AFTER, ""):
            self.drop(row)

    def drop(self, row: Mapping[str, Any]) -> None:
        """Delete a row; harmless to repeat."""
        self._delete(str(row["PartitionKey"]), str(row["RowKey"]))

    def settled_before(self, state: State, before: datetime) -> Iterator[JobRecord]:
        """Yield settled jobs that were submitted before a time, without reading the later ones."""
        with translated("listing jobs by state"):
            for entity in self.rows(listing_of(state), row_of(before, ""), 1000):
                if record := readable(entity):
                    yield record

    def put_tombstone(self, record: JobRecord) -> None:
        """List a job whose record is about to be replaced by a tombstone."""
        self._write("upsert", [(TOMBSTONES, _row(record))])

    def tombstones(self, after: str, size: int) -> tuple[list[JobRecord], str]:
        """Return some listed tombstones as the records were, and the row to go on after; empty at the end."""
        with translated("listing tombstones"):
            found = list(islice(self.rows(TOMBSTONES, after, min(size, 1000)), size))
        records = [record for entity in found if (record := readable(entity))]
        return records, str(found[-1]["RowKey"]) if len(found) == size else ""

    def remove_tombstone(self, record: JobRecord) -> None:
        """Delete a tombstone's row; harmless to repeat."""
        row = row_of_record(record)
        self._delete(partition(TOMBSTONES, row), row)

    def open_rows(self, after: str = "", size: int = 1000) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of open jobs, newest first, and of some that are not open any more."""
        with translated("listing open jobs"):
            yield from self.rows(OPEN, after, size)

    def rows(self, listing: str, after: str, size: int, state: State | Literal[""] = "") -> Iterable[Mapping[str, Any]]:
        """Query a list's entities after a row, newest first; with `state`, those whose copies have it."""
        parameters = {"first": partition(listing, after), "beyond": f"{listing}-", "after": after}
        query = "PartitionKey ge @first and PartitionKey lt @beyond and RowKey gt @after"
        if state:
            query, parameters = f"{query} and state eq @state", {**parameters, "state": state}
        return self._table.query_entities(query, parameters=parameters, results_per_page=size)

    def all_rows(self, after: str, size: int) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of all jobs after a row, newest first; a request a state for each page."""
        lists = (self.rows(listing, after, size) for listing in (OPEN, *map(listing_of, sorted(FINISHED))))
        yield from each_once(lists)

    def _write(self, operation: str, rows: Iterable[tuple[str, dict[str, Any]]]) -> bool:
        """Return whether all rows that were to be deleted were there."""
        were_there = True
        for together in by_partition(rows).values():
            were_there &= self._write_together(operation, list({row["RowKey"]: row for row in together}.values()))
        return were_there

    def _write_together(self, operation: str, rows: list[dict[str, Any]]) -> bool:
        were_there = True
        with translated("writing the state index", missing=NotFound()):
            for begin in range(0, len(rows), IN_A_TRANSACTION):
                part = rows[begin : begin + IN_A_TRANSACTION]
                if len(part) == 1 and operation == "upsert":
                    self._table.upsert_entity(part[0], **REPEATABLE)
                    continue
                try:
                    with translated("writing the state index", missing=NotFound()):
                        self._table.submit_transaction([(operation, row) for row in part], **REPEATABLE)
                except NotFound:
                    # A transaction with one missing row deletes none; a request for one row does not tell.
                    were_there = False
                    for row in part:
                        self._delete(row["PartitionKey"], row["RowKey"])
        return were_there

    def _delete(self, key: str, row: str) -> None:
        with suppress(NotFound), translated("deleting from the state index", missing=NotFound()):
            self._table.delete_entity(key, row)


def each_once(lists: Iterable[Iterable[Mapping[str, Any]]]) -> Iterator[Mapping[str, Any]]:
    """Merge lists by their row keys; a job that is in two of them, as while it settles, comes once."""
    for _, rows in groupby(heapq.merge(*lists, key=_row_key), key=_row_key):
        yield next(rows)


def _row_key(row: Mapping[str, Any]) -> str:
    return str(row["RowKey"])


def _row(record: JobRecord) -> dict[str, Any]:
    job_id = record.job.job_id
    return {**entity_of(record), "RowKey": row_of_record(record), "job_id": job_id, "place": place_of(record)}
