"""One walk over everything, by one sweeper at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.errors import BadRequest
from service.jobs.names import check_container
from service.jobs.record import now
from service.jobs.result_place import OWN_CONTAINER, OWN_FOLDER
from service.jobs.sweep.finding import Finding, Found, Places
from service.jobs.sweep.leftovers import leftovers
from service.jobs.sweep.mark import SweepLeases
from service.jobs.sweep.missed_uploads import without_job
from service.jobs.sweep.stuck_jobs import unsettled

TURN_S = 600.0
"""How long a sweeper that dies keeps the others out; renewed on the way."""


def sweep(places: Places, mark: SweepLeases, owner: str, *, grace: timedelta, mend: bool) -> Iterator[Finding]:
    """Look at everything, and mend what is found if told to.

    Args:
        grace: what was written within it is still under way, and is left alone.
        mend: otherwise findings are told only, and told again the next time: the watermark of the uploads moves
            on when all that was found is mended.

    Raises:
        Conflict: another sweep is under way.
        RecordChanged: another sweep took over, since this one was silent for too long.
    """
    lease = mark.acquire(owner, TURN_S)
    before, watermark = now() - grace, lease.watermark
    everything_mended = mend
    try:
        for found in _look(places, watermark, before):
            if lease.until - now() < timedelta(seconds=TURN_S / 2):
                lease = mark.renew(lease, TURN_S)
            finding = found.mended() if mend else found.finding
            everything_mended = everything_mended and not finding.error
            yield finding
    except BaseException:
        everything_mended = False
        raise
    finally:
        mark.release(lease, max(watermark, before) if everything_mended else watermark)


def _look(places: Places, watermark: datetime, before: datetime) -> Iterator[Found]:
    yield from unsettled(places, before)
    for container in places.blobs.containers():
        if container == places.results_container:
            yield from leftovers(places, container, "", before)
        elif _holds_uploads(container, places.results_container):
            yield from without_job(places, container, watermark, before)
            if places.results_container == OWN_CONTAINER:
                yield from leftovers(places, container, OWN_FOLDER, before)


def _holds_uploads(container: str, results_container: str) -> bool:
    """The Functions host keeps containers of its own, and so does storage (`$logs`)."""
    if container.startswith("azure-webjobs-"):
        return False
    try:
        return bool(check_container(container, results_container))
    except BadRequest:
        return False
