"""Checks of the storage account: its services, the stores in it, and the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from service.cli.doctor_checks.check import Check, failed, ok, skipped, warning
from service.errors import StorageUnavailable
from service.jobs.backend import CLOCK_FAILURE_S, CLOCK_WARNING_S, JobBackend
from service.jobs.names import OWN_CONTAINER
from service.storage.account import Account, Pulse, ServiceName

SERVICES: tuple[ServiceName, ...] = ("blobs", "queues", "tables")
STORES = "queues, table, container"

AWAY = "check the name or connection string, the network and its firewall; for Azurite on this machine: `make up`"
REFUSED = (
    "check the key, or for a managed identity its roles: Storage Blob Data Contributor, Queue Data Contributor "
    "and Table Data Contributor; a clock that is wrong is refused as well"
)
_REFUSALS = ("Authentication", "Authorization", "Permission", "InvalidAuth", "403", "401")


def service_checks(account: Account) -> Iterator[Check]:
    """Check each of the three services, and the clock where one of them returned the time."""
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        # Concurrently: an unreachable account costs one wait instead of three.
        answers = list(pool.map(lambda service: _pulse(account, service), SERVICES))
    for service, answer in zip(SERVICES, answers, strict=True):
        if isinstance(answer, Pulse):
            yield ok(service, "the service answers", seconds=answer.seconds)
        else:
            refused = any(word in answer.message for word in _REFUSALS)
            yield failed(service, answer.message, REFUSED if refused else AWAY)
    exit_on_error = [answer.clock_ahead_s for answer in answers if isinstance(answer, Pulse)]
    yield clock_check(next((ahead_s for ahead_s in exit_on_error if ahead_s is not None), None))


def clock_check(ahead_s: float | None) -> Check:
    """Compare this machine's clock with storage's: it is in records, logs and links.

    Args:
        ahead_s: seconds that this machine's clock is ahead; None where storage returned no time.
    """
    if ahead_s is None:
        return skipped("clock", "storage returned no time")
    off_s = abs(ahead_s)
    if off_s <= CLOCK_WARNING_S:
        return ok("clock", f"within {CLOCK_WARNING_S:.0f} s of storage's")
    said = f"{off_s:.0f} s {'ahead of' if ahead_s > 0 else 'behind'} storage's"
    advice = "set this machine's clock (NTP): records, logs and links bear its time, and storage refuses a wrong one"
    return (failed if off_s > CLOCK_FAILURE_S else warning)("clock", said, advice)


def stores_check(backend: JobBackend) -> Check:
    """Check that the queues, the table and the results container exist."""
    results, table = backend.settings.results_container, backend.table
    own = results == OWN_CONTAINER
    try:
        absent = [f"queue {name}" for name in backend.queue.absent()]
        absent += [f"queue {queue.name}" for queue in backend.side_queues if not queue.exists()]
        absent += [] if table.exists() else [f"table {table.name}"]
        absent += [] if own or backend.blobs.has_container(results) else [f"container {results}"]
    except StorageUnavailable as error:
        return skipped(STORES, error.message)
    if absent:
        advice = "start a worker or the web server once, or `python -m service doctor --fix`: each creates them"
        return failed(STORES, f"missing: {', '.join(absent)}", advice)
    return ok(STORES, "all there")


def _pulse(account: Account, service: ServiceName) -> Pulse | StorageUnavailable:
    try:
        return account.pulse(service)
    except StorageUnavailable as error:
        return error
