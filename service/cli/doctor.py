"""`doctor`: check this installation, one line a check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import click

from service.cli.doctor_checks.check import Check, failed, ok, skipped
from service.cli.doctor_checks.rounds import local_checks, storage_checks
from service.cli.output import echo_json, shown
from service.cli.startup import EXIT_FAILED, prepare_process
from service.errors import StorageUnavailable
from service.jobs.backend import JobBackend
from service.logs import configure
from service.sandbox.workspace import Workspace
from service.settings import BadSettings, Settings
from service.worker.limits import Limits

MARKS = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "-"}
NAME_WIDTH = 24
MOST_LINES = 8


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check.")
@click.option(
    "--engine",
    "bin_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Judge the engine in this folder by the contract of engines, and nothing else.",
)
@click.option("--local", "local_only", is_flag=True, help="Only what `analyse` needs on this machine; no storage.")
@click.option("--fix", is_flag=True, help="Create the queues, the table and the results container if they are missing.")
def doctor(as_json: bool, bin_dir: Path | None, local_only: bool, fix: bool) -> None:
    """Check everything that a web server or worker needs, with advice where a check fails.

    The engine analyses the reference picture. Exit code 1 if a check failed; warnings do not count.
    """
    any_failed = False

    def report(check: Check) -> None:
        nonlocal any_failed
        any_failed = any_failed or check.status == "failed"
        _print(check, as_json=as_json)

    try:
        settings = Settings.load()
        prepare_process(settings)
    except BadSettings as error:
        report(failed("settings", str(error), "correct them; `python -m service settings` lists all"))
        sys.exit(EXIT_FAILED)
    configure(settings.log_format, "ERROR")
    report(ok("settings", "valid"))
    if bin_dir:
        checks = _engine_checks(settings, bin_dir)
    else:
        checks = local_checks(settings) if local_only else _checks(settings, fix=fix)
    for check in checks:
        report(check)
    if any_failed:
        sys.exit(EXIT_FAILED)


def _engine_checks(settings: Settings, bin_dir: Path) -> Iterator[Check]:
    """Judge the engine in a folder."""
    # Imported here: it needs the decoders' packages, which the other checks report on.
    from service.cli.doctor_checks.engine_contract import contract_checks

    with closing(Workspace(settings.workspace)) as workspace, workspace.room() as room:
        yield from contract_checks(bin_dir, room, Limits.of(settings).of_engine(1.0))


def _checks(settings: Settings, *, fix: bool) -> Iterator[Check]:
    """Look at everything that web and worker need; `fix` creates missing stores in storage."""
    yield from local_checks(settings)
    if not settings.has_storage:
        yield skipped("storage", "none is set: this installation analyses local files (`analyse`) and serves nothing")
        return
    try:
        backend = JobBackend.connect(settings)
    except BadSettings as error:
        yield failed("storage", "not configured, or not to be used", str(error))
        return
    if fix:
        # The checks below say what keeps it from being created.
        with suppress(StorageUnavailable):
            backend.create_storage()
    yield from storage_checks(backend)


def _print(check: Check, *, as_json: bool) -> None:
    if as_json:
        echo_json(check.as_dict())
        return
    # An engine's log comes with its error; the first lines are enough here, and --json has them all.
    first, *more = [shown(line) for line in check.said.splitlines() if line.strip()][:MOST_LINES]
    took = f" ({check.seconds:.2f} s)" if check.seconds is not None else ""
    then = f" -> {shown(check.advice)}" if check.advice else ""
    click.echo(f"{MARKS[check.status]:<8} {check.name:<{NAME_WIDTH}} {first}{took}{then}")
    for line in more:
        click.echo(f"{'':<8} {'':<{NAME_WIDTH}}   {line}")
