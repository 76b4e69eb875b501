"""`doctor`: what keeps this installation from working, one line a check."""

from __future__ import annotations

import sys

import click

from service import wiring
from service.commands.lines import echo_json, shown
from service.commands.starting import EXIT_FAILED
from service.doctor.check import Check, failed, ok
from service.logs import configure
from service.settings import BadSettings, Settings

MARKS = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "-"}
NAME_WIDTH = 24
MOST_LINES = 8


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check.")
@click.option("--fix", is_flag=True, help="Create the queues, the table and the results container if they are missing.")
def doctor(as_json: bool, fix: bool) -> None:
    """Try everything that a web server or worker needs, and say what to do where something is wrong.

    The engine analyses a drawn picture for real. Exit code 1 if anything failed; warnings do not count.
    """
    any_failed = False

    def tell(check: Check) -> None:
        nonlocal any_failed
        any_failed = any_failed or check.status == "failed"
        _tell(check, as_json=as_json)

    try:
        settings = Settings.load()
    except BadSettings as error:
        tell(failed("settings", str(error), "correct them; `python -m service settings` lists all"))
        sys.exit(EXIT_FAILED)
    configure(settings.log_format, "ERROR")
    tell(ok("settings", "valid"))
    for check in wiring.examine(settings, fix=fix):
        tell(check)
    if any_failed:
        sys.exit(EXIT_FAILED)


def _tell(check: Check, *, as_json: bool) -> None:
    if as_json:
        echo_json(check.as_dict())
        return
    # An engine's last words come with its error; the first lines are enough here, and --json has them all.
    first, *more = [shown(line) for line in check.said.splitlines() if line.strip()][:MOST_LINES]
    took = f" ({check.seconds:.2f} s)" if check.seconds is not None else ""
    then = f" -> {shown(check.advice)}" if check.advice else ""
    click.echo(f"{MARKS[check.status]:<8} {check.name:<{NAME_WIDTH}} {first}{took}{then}")
    for line in more:
        click.echo(f"{'':<8} {'':<{NAME_WIDTH}}   {line}")
