"""Sweep one storage account, one sweep at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from service.errors import BadRequest
from service.jobs.backend import JobBackend
from service.jobs.names import OWN_CONTAINER, OWN_FOLDER, check_container
from service.jobs.record import now
from service.jobs.sweep.finding import Finding, Found
from service.jobs.sweep.lease import SweepLeases
from service.jobs.sweep.leftovers import leftovers
from service.jobs.sweep.missed_uploads import without_job
from service.jobs.sweep.retention import expired
from service.jobs.sweep.stuck_jobs import unsettled

LEASE_S = 600.0
"""How long a sweep that dies keeps the others out; renewed on the way."""


def sweep(
    backend: JobBackend, leases: SweepLeases, owner: str, *, grace: timedelta, mend: bool, prefix: str = ""
) -> Iterator[Finding]:
    """Yield all findings, mended with `mend`.

    Args:
        grace: leave alone anything written within it; it is still under way.
        mend: without it findings are reported only, and reported again the next time: the watermark of the uploads
            moves on when all findings are mended.
        prefix: only containers of uploads whose names begin with it.

    Raises:
        Conflict: another sweep is under way.
        RecordChanged: another sweep took the lease, which this one did not renew in time.
    """
    lease, renew_at = leases.acquire(owner, LEASE_S), time.monotonic() + LEASE_S / 2
    before, watermark, cursors = now() - grace, lease.watermark, dict(lease.cursors)
    everything_mended = mend
    try:
        for found in _look(backend, watermark, before, cursors, prefix):
            if time.monotonic() >= renew_at:
                lease, renew_at = leases.renew(lease, LEASE_S), time.monotonic() + LEASE_S / 2
            if found is None:
                continue
            finding = found.mended() if mend else found.finding
            everything_mended = everything_mended and not finding.error
            yield finding
    except BaseException:
        everything_mended = False
        raise
    finally:
        watermark = max(watermark, before) if everything_mended else watermark
        leases.release(lease, watermark, cursors if mend else lease.cursors)


def _look(
    backend: JobBackend, watermark: datetime, before: datetime, cursors: dict[str, str], prefix: str
) -> Iterator[Found | None]:
    """Yield findings, the most urgent first; None now and then, so that the lease is renewed."""
    for index in (backend.table.state_index, backend.table.text_index):
        if not index.mark.is_complete():
            for _ in index.mark.backfill(index.put):
                yield None
    yield from unsettled(backend, before)
    results = backend.settings.results_container
    for container in backend.blobs.upload_containers():
        if container.startswith(prefix) and _holds_uploads(container, results):
            yield from without_job(backend, container, watermark, before)
            yield None
            if results == OWN_CONTAINER:
                yield from leftovers(backend, container, OWN_FOLDER, before, cursors)
    yield from expired(backend, cursors)
    if results != OWN_CONTAINER:
        yield from leftovers(backend, results, "", before, cursors)


def _holds_uploads(container: str, results_container: str) -> bool:
    """Leave out containers of the Functions host and of storage itself (`$logs`)."""
    if container.startswith("azure-webjobs-"):
        return False
    try:
        return bool(check_container(container, results_container))
    except BadRequest:
        return False
