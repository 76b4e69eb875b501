"""`worker`: analyse jobs from the queue until stopped."""

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
    help="Exit after this long without a message and with no job in hand.",
)
@click.option(
    "--take-for",
    type=SECONDS,
    metavar="SECONDS",
    help="After this long receive nothing new; finish the jobs in hand and exit.",
)
def worker(until_idle: float | None, take_for: float | None) -> None:
    """Analyse jobs from the queue until stopped.

    SIGTERM: jobs in hand are finished within SHUTDOWN_GRACE_S, else released; a second SIGTERM releases them at once.
    """
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with exit_on_error():
        sys.exit(wiring.run_worker(settings, Lifetime(until_idle or inf, take_for or inf)))
