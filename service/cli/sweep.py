"""`sweep`: find lost uploads, stuck jobs and leftovers, and mend them."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import click

from service.cli.output import echo_json, echo_rows, moment
from service.cli.startup import EXIT_FAILED
from service.cli.storage_session import opened
from service.identity.installed import is_wanted as identity_is_wanted
from service.jobs.backend import JobBackend
from service.jobs.sweep.finding import Finding
from service.jobs.sweep.lease import SweepLeases
from service.jobs.sweep.sweep import sweep as sweep_storage
from service.logs import configure, log


@click.command()
@click.option("--mend", is_flag=True, help="Mend the findings instead of only listing them.")
@click.option(
    "--grace-minutes",
    type=click.FloatRange(0),
    default=15.0,
    show_default=True,
    help="Skip what was written within this many minutes: it may still be under way.",
)
@click.option("--prefix", default="", help="Only containers of uploads whose names begin like this.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding, and a log line at the end.")
def sweep(mend: bool, grace_minutes: float, prefix: str, as_json: bool) -> None:
    """Find uploads without a job, jobs without a message, stuck records, and leftovers of dead attempts.

    One sweep runs at a time. Exit code 1 if anything found was not mended.
    """
    with opened() as services:
        owner = f"{services.settings.worker_name}/{secrets.token_hex(4)}"
        found = list(_sweep(services, owner, grace=timedelta(minutes=grace_minutes), mend=mend, prefix=prefix))
    left = sum(not finding.mended for finding in found)
    if as_json:
        for finding in found:
            echo_json(finding.as_dict())
        # For the alert on sweeps that do not end well; on standard error, beside the findings.
        configure(services.settings.log_format, "INFO")
        log.info("sweep.finished", found=len(found), mended=len(found) - left, left=left)
    elif found:
        rows = [(one.kind, moment(one.since), _outcome(one), f"{one.container}/{one.blob}") for one in found]
        echo_rows(("WHAT", "SINCE (UTC)", "DONE", "WHERE"), rows)
    hint = "; mend with `--mend`" if left and not mend else ""
    click.echo(f"{len(found)} found, {len(found) - left} mended{hint}", err=True)
    if left:
        sys.exit(EXIT_FAILED)


def _sweep(backend: JobBackend, owner: str, *, grace: timedelta, mend: bool, prefix: str) -> Iterator[Finding]:
    """Sweep the storage account, then the galleries where IDENTITY is on. Raises Conflict, RecordChanged."""
    settings = backend.settings
    leases = SweepLeases(backend.account.tables, settings.table_name)
    yield from sweep_storage(backend, leases, owner, grace=grace, mend=mend, prefix=prefix)
    if identity_is_wanted(settings):
        # Imported here: the packages of the extra need not be installed.
        from service.identity.expiry import overdue
        from service.identity.services import IdentityServices

        with closing(IdentityServices(settings)) as identity:
            yield from overdue(identity.store, backend.blobs, mend=mend)


def _outcome(finding: Finding) -> str:
    return finding.mended or (f"failed: {finding.error}" if finding.error else "-")
