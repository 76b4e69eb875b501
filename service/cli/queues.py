"""`queues`: one log line about the queues, for alerts where nothing collects metrics."""

from __future__ import annotations

import click

from service.cli.startup import exit_on_error, load_settings
from service.jobs.backend import JobBackend
from service.jobs.record import now
from service.logs import configure, log


@click.command()
def queues() -> None:
    """Log how much waits, for how long, and how much was set aside; run it on a schedule.

    One event `queues.state`: `length` (waiting or in work), `oldest_age_s` (of the first that waits; 0: none does),
    `poison_length`.
    """
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with exit_on_error():
        queue = JobBackend.connect(settings).queue
        oldest = queue.oldest_waiting()
        log.info(
            "queues.state",
            length=queue.length(),
            oldest_age_s=round((now() - oldest).total_seconds(), 1) if oldest else 0.0,
            poison_length=queue.poison_length(),
        )
