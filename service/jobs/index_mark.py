"""The mark of an index in the job table: whether it has the records of releases that did not keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from azure.data.tables import TableClient

from service.errors import BadJob, NotFound
from service.jobs.record import JobRecord
from service.jobs.table_rows import record_of
from service.logs import log
from service.storage.account import translated

AT_ONCE = 1000
REPEATABLE: dict[str, Any] = {"retry_on_methods": frozenset({"POST", "PATCH", "DELETE"})}
"""For writes that can be made twice: the SDK sends them again where the connection ended without an answer."""


class IndexMark:
    """The mark of one index.

    Args:
        key: partition and row of the mark's entity.
    """

    def __init__(self, table: TableClient, key: str) -> None:
        self._table = table
        self._key = key
        self._is_complete = False

    def is_complete(self) -> bool:
        """Return whether all records are in the index."""
        if not self._is_complete:
            self._is_complete = self._read().get("done") is True
        return self._is_complete

    def start_complete(self) -> None:
        """Mark the index of a new table, which has no older records."""
        self._write("", done=True)

    def backfill(self, put: Callable[[Iterable[JobRecord]], object]) -> Iterator[int]:
        """Index older records, 1,000 at a time; yield how many, and go on where an interrupted run ended.

        Records are in the order of their ids.
        """
        after = str(self._read().get("after", ""))
        while True:
            with translated("reading job records"):
                found = list(islice(self._records(after), AT_ONCE))
            put(record for entity in found if (record := readable(entity)))
            if len(found) < AT_ONCE:
                self._write("", done=True)
                yield len(found)
                return
            after = str(found[-1]["PartitionKey"])
            self._write(after, done=False)
            yield len(found)

    def _records(self, after: str) -> Iterable[Mapping[str, Any]]:
        # `g` follows the last hex digit; lists and marks come after it.
        return self._table.query_entities(
            "PartitionKey gt @after and PartitionKey lt 'g'", parameters={"after": after}, results_per_page=AT_ONCE
        )

    def _read(self) -> Mapping[str, Any]:
        try:
            with translated("reading an index's mark", missing=NotFound()):
                return self._table.get_entity(self._key, self._key)
        except NotFound:
            return {}

    def _write(self, after: str, *, done: bool) -> None:
        with translated("writing an index's mark"):
            self._table.upsert_entity(
                {"PartitionKey": self._key, "RowKey": self._key, "after": after, "done": done}, **REPEATABLE
            )


def readable(entity: Mapping[str, Any]) -> JobRecord | None:
    """Return the record in an entity; None for a tombstone, and for a newer release's record."""
    if "job" not in entity:
        return None
    try:
        return record_of(entity)
    except BadJob as error:
        # Lists leave it out until this process is replaced as well.
        log.warning("record.not_understood", job_id=entity.get("job_id", ""), error=error.message)
        return None
