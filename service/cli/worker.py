"""`worker`: takes jobs from the queue, until told to stop."""

from __future__ import annotations

import sys
from math import inf

import click

from service import wiring
from service.cli.startup import exit_on_error, load_settings
from service.logs import configure
from service.worker.receiver import Lifetime

SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--until-idle",
    type=SECONDS,
    metavar="SECONDS",
    help="Leave when nothing has come, and nothing is in hand, so long.",
)
@click.option("--take-for", type=SECONDS, metavar="SECONDS", help="Take nothing new after so long; finish, and leave.")
def worker(until_idle: float | None, take_for: float | None) -> None:
    """Take jobs from the queue until told to stop.

    SIGTERM: the item in hand is finished within SHUTDOWN_GRACE_S, else handed back; a second one hands it back now.
    """
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with exit_on_error():
        sys.exit(wiring.run_worker(settings, Lifetime(until_idle or inf, take_for or inf)))
