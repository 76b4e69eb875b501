"""The text index: jobs by the beginning of their file's name, so that a search need not look through all jobs.

A row a job, in the order of the names. Keys are plain ASCII: storage compares keys by code units and forbids some
characters, so every other one is written as `=` and its hex digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from azure.data.tables import TableClient

from service.errors import NotFound
from service.jobs.index_mark import REPEATABLE, IndexMark
from service.jobs.record import JobRecord
from service.jobs.table_rows import place_of, plain, row_of_record
from service.storage.account import translated

PARTITION = "na-"
"""Begins a partition; the key's first character ends it: few, so that a batch is written in few transactions."""
MARK = "text-index"
LONGEST_KEY = 300
BEYOND = "~"
"""Sorts after all characters of keys."""
IN_A_TRANSACTION = 100

_ESCAPED = re.compile(r"[^a-z0-9._() -]")


def name_of(place: str) -> str:
    """Return the name by which a job is found: that of its file, folded as all searched text."""
    return plain(place).rpartition("/")[2]


def key_of(text: str) -> str:
    """Return a text's key; that of a beginning is a beginning of the whole text's."""
    return _ESCAPED.sub(lambda found: f"={ord(found[0]):04x}", text)[:LONGEST_KEY]


class TextIndex:
    """Reads and writes the rows of one job table."""

    def __init__(self, table: TableClient) -> None:
        self._table = table
        self.mark = IndexMark(table, MARK)

    def put(self, records: Iterable[JobRecord]) -> None:
        """Write the rows of jobs, those of one partition together; harmless to repeat."""
        rows: dict[str, dict[str, dict[str, Any]]] = {}
        for record in records:
            place = place_of(record)
            partition, row = _keys(place, row_of_record(record))
            entity = {"PartitionKey": partition, "RowKey": row, "job_id": record.job.job_id, "place": place}
            rows.setdefault(partition, {})[row] = entity
        with translated("writing the text index"):
            for of_partition in rows.values():
                self._upsert(list(of_partition.values()))

    def remove(self, place: str, row: str) -> None:
        """Delete a job's row; harmless to repeat."""
        partition, key = _keys(place, row)
        with suppress(NotFound), translated("deleting from the text index", missing=NotFound()):
            self._table.delete_entity(partition, key)

    def beginning_with(self, text: str, after: str, size: int) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of jobs whose file's name begins with a text, by name and then newest first.

        Args:
            text: folded, not empty.
            after: row to go on after; empty for all.
        """
        key = key_of(text)
        rows = self._table.query_entities(
            "PartitionKey eq @head and RowKey gt @after and RowKey lt @beyond",
            parameters={"head": f"{PARTITION}{key[0]}", "after": max(after, key), "beyond": key + BEYOND},
            results_per_page=size,
        )
        with translated("searching jobs by name"):
            for row in rows:
                if name_of(str(row["place"])).startswith(text):
                    yield row

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        if len(rows) == 1:
            self._table.upsert_entity(rows[0], **REPEATABLE)
            return
        for begin in range(0, len(rows), IN_A_TRANSACTION):
            together = rows[begin : begin + IN_A_TRANSACTION]
            self._table.submit_transaction([("upsert", row) for row in together], **REPEATABLE)


def _keys(place: str, row: str) -> tuple[str, str]:
    """Return partition and row of a job."""
    key = key_of(name_of(place))
    return f"{PARTITION}{key[:1]}", f"{key},{row}"
