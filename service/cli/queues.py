"""`queues`: log the state of the queues in one line, for alerts where no system collects metrics."""

from __future__ import annotations

import click

from service.cli.startup import exit_on_error, load_settings
from service.jobs.backend import JobBackend
from service.jobs.record import now
from service.logs import configure, log


@click.command()
def queues() -> None:
    """Log the lengths of both queues and the age of the oldest waiting message; run it on a schedule.

    One event `queues.state`: `length` (waiting or running), `oldest_age_s` (of the first waiting message; 0 if none
    waits), `poison_length`.
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
