"""Where the uploads of pages and clients go: a container a caller and study or day, in it a folder a file's SHA-256.

Study and day are those of the first upload of these bytes: a row of the job table keeps the container, so that an
upload that is resumed after midnight, or for another study, finds its blob again, and two files of one name never meet.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from azure.data.tables import TableClient, TableEntity

from service.errors import BlobExists, NotFound
from service.jobs.index_mark import REPEATABLE
from service.jobs.record import now
from service.storage.account import translated

PREFIX = "uploads-"
LONGEST_OWNER = 36
LONGEST_PART = 18
"""With the prefix and two hyphens these fill the 63 characters of a container's name."""
MARK_DIGITS = 8
PARTITION = "up-"
"""Begins the partition of a caller's rows…"""
BEYOND = "up."
"""…and this sorts after all of them."""


@dataclass(frozen=True)
class KnownPlace:
    """The row of an upload: its container, and when it was chosen."""

    partition: str
    sha256: str
    container: str
    since: datetime


def owner_slug(name: str) -> str:
    """Turn a key's name into a part of a container's name; names that had to be changed get a mark of their own."""
    text = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    if text == name and len(text) <= LONGEST_OWNER:
        return text
    mark = hashlib.sha256(name.encode()).hexdigest()[:MARK_DIGITS]
    return f"{text[: LONGEST_OWNER - MARK_DIGITS - 1].strip('-')}-{mark}".strip("-")


def container_of(owner: str, part: str) -> str:
    """Name the container of a caller's uploads.

    Args:
        owner: name of the caller's key.
        part: the day as `20261231`, or what stands in its place: at most `LONGEST_PART` of a-z and 0-9, no hyphen.
    """
    return f"{PREFIX}{owner_slug(owner)}-{part}"


def blob_of(sha256: str, name: str) -> str:
    """Name the blob of a file."""
    return f"{sha256}/{name}"


class UploadPlaces:
    """Remembers in the job table which container a caller's file was first sent to."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def find(self, owner: str, sha256: str) -> str | None:
        """Return the container that was chosen for a file; None for one that was never sent."""
        try:
            with translated("looking for an upload's place", missing=NotFound()):
                return str(self._table.get_entity(_partition(owner), sha256)["container"])
        except NotFound:
            return None

    def choose(self, owner: str, sha256: str, part: str) -> str:
        """Return the container of a file; the first call decides, also of several at once.

        Args:
            part: see `container_of`.
        """
        container = container_of(owner, part)
        entity = {"PartitionKey": _partition(owner), "RowKey": sha256, "container": container}
        with suppress(BlobExists), translated("keeping an upload's place", exists=BlobExists()):
            self._table.create_entity(entity, **REPEATABLE)
            return container
        return self.find(owner, sha256) or container

    def forget(self, container: str, sha256: str | None = None) -> None:
        """Delete the rows of a container's files, or of one of them; harmless to repeat."""
        if not container.startswith(PREFIX):
            return
        owner = container.removeprefix(PREFIX).rpartition("-")[0]
        rows = self._table.query_entities(
            "PartitionKey eq @own and container eq @container",
            parameters={"own": f"{PARTITION}{owner}", "container": container},
        )
        with translated("forgetting an upload's place"):
            for row in rows:
                if sha256 in (None, row["RowKey"]):
                    self._delete(str(row["PartitionKey"]), str(row["RowKey"]))

    def remove(self, place: KnownPlace) -> None:
        """Delete a row; harmless to repeat."""
        with translated("forgetting an upload's place"):
            self._delete(place.partition, place.sha256)

    def known(self, after: str, most: int) -> tuple[list[KnownPlace], str]:
        """Return some rows of all callers, and the text to go on after; empty at the end."""
        partition, _, sha256 = after.partition(" ")
        # The SDK takes a bracket that follows a parameter for a part of its name.
        rows = self._table.query_entities(
            "PartitionKey ge @own and PartitionKey lt @beyond and ( PartitionKey gt @own or RowKey gt @row )",
            parameters={"own": partition or PARTITION, "beyond": BEYOND, "row": sha256},
            results_per_page=min(most, 1000),
        )
        with translated("listing uploads' places"):
            found = [_place(row) for row in islice(rows, most)]
        return found, f"{found[-1].partition} {found[-1].sha256}" if len(found) == most else ""

    def _delete(self, partition: str, row: str) -> None:
        with suppress(NotFound), translated("forgetting an upload's place", missing=NotFound()):
            self._table.delete_entity(partition, row)


def today() -> str:
    """Return the day of a new upload, by UTC."""
    return f"{now():%Y%m%d}"


def _partition(owner: str) -> str:
    return f"{PARTITION}{owner_slug(owner)}"


def _place(row: TableEntity) -> KnownPlace:
    since = row.metadata["timestamp"] or now()
    return KnownPlace(str(row["PartitionKey"]), str(row["RowKey"]), str(row["container"]), since)
