"""The lease of the one sweep that may run, and the watermark of swept uploads: one entity beside the job records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from service.errors import Conflict, NotFound, RecordChanged
from service.jobs.record import now
from service.jobs.table_rows import age_s
from service.storage.account import translated

KEY = "sweep"
"""Partition and row; neither a job id nor a list of jobs has this form."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SweepLease:
    """The right to sweep for `lease_s` seconds from its last write; uploads written before `watermark` have been swept.

    Attributes:
        until: its end by this machine's clock, for the reader of the table.
        cursors: where the bounded parts of a sweep go on, by part.
    """

    watermark: datetime
    owner: str
    until: datetime
    lease_s: float
    version: str
    cursors: Mapping[str, str] = field(default_factory=dict)


class SweepLeases:
    """Lets one sweep run at a time, by conditional writes."""

    def __init__(self, service: TableServiceClient, table: str) -> None:
        self._table: TableClient = service.get_table_client(table)

    def acquire(self, owner: str, lease_s: float) -> SweepLease:
        """Raises Conflict where another sweep is under way, by the server's clock alone."""
        known, written_ago_s = self._read()
        if known and known["owner"]:
            left_s = min(known.get("lease_s", lease_s), lease_s) - written_ago_s
            if left_s > 0:
                raise Conflict(f"{known['owner']} is sweeping, for {left_s:.0f} s more at most", "sweep_held")
        watermark = known["watermark"] if known else EARLIEST
        version = known.metadata["etag"] if known else ""  # type: ignore[attr-defined]
        cursors = json.loads(known.get("cursors", "{}")) if known else {}
        try:
            return self._write(
                SweepLease(watermark, owner, now() + timedelta(seconds=lease_s), lease_s, version, cursors)
            )
        except RecordChanged as error:
            raise Conflict("another sweep has just begun", "sweep_held") from error

    def renew(self, lease: SweepLease, lease_s: float) -> SweepLease:
        """Raises RecordChanged where another sweep has taken the lease."""
        return self._write(replace(lease, until=now() + timedelta(seconds=lease_s), lease_s=lease_s))

    def release(self, lease: SweepLease, watermark: datetime, cursors: Mapping[str, str] | None = None) -> None:
        """Raises RecordChanged where another sweep has taken the lease."""
        kept = lease.cursors if cursors is None else {name: cursor for name, cursor in cursors.items() if cursor}
        self._write(replace(lease, watermark=watermark, owner="", until=now(), cursors=kept))

    def _read(self) -> tuple[Mapping[str, Any] | None, float]:
        """Return the entity, and the seconds since it was written by the server's clock."""
        dates: list[str] = []
        try:
            with translated("reading the sweep's lease", missing=NotFound()):
                entity = self._table.get_entity(
                    KEY, KEY, raw_response_hook=lambda answer: dates.append(answer.http_response.headers.get("Date"))
                )
        except NotFound:
            return None, 0.0
        written = entity.metadata["timestamp"]
        return entity, age_s(written, dates[-1] if dates else None) if written else 0.0

    def _write(self, lease: SweepLease) -> SweepLease:
        entity = {
            "PartitionKey": KEY,
            "RowKey": KEY,
            "watermark": lease.watermark,
            "owner": lease.owner,
            "until": lease.until,
            "lease_s": lease.lease_s,
            "cursors": json.dumps(lease.cursors),
        }
        with translated("writing the sweep's lease", changed=RecordChanged(), exists=RecordChanged()):
            answer = (
                self._table.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=lease.version,
                    match_condition=MatchConditions.IfNotModified,
                )
                if lease.version
                else self._table.create_entity(entity)
            )
        return replace(lease, version=str(answer["etag"]))
