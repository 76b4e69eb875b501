"""What the commands for an operator share: storage to work on, and ids that nothing could be done to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.cli.output import echo_json, shown
from service.cli.startup import EXIT_FAILED, exit_on_error, load_settings
from service.errors import AnalysisError
from service.jobs.backend import JobBackend
from service.jobs.record import JobRecord
from service.logs import configure


@contextmanager
def opened() -> Iterator[JobBackend]:
    """Storage as the settings name it; what keeps it from working is told, and ends the command."""
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    with exit_on_error():
        yield JobBackend.connect(settings)


def order_line(record: JobRecord) -> str:
    """What has become of a job that an order was given for."""
    ending = record.cancel_requested and not record.is_finished
    return f"{record.job.job_id} {'ending' if ending else record.state} (generation {record.job.generation})"


class Failures:
    """What could not be done to single ids: told as it happens, and the exit code at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._any = False

    def tell(self, id_: str, error: AnalysisError) -> None:
        self._any = True
        if self._as_json:
            echo_json({"id": id_, "error": {"code": error.code, "message": error.message}})
        else:
            click.echo(f"{shown(id_)}: {shown(error.message)} ({error.code})", err=True)

    def leave(self) -> None:
        """End the process with 1 if anything was told."""
        if self._any:
            sys.exit(EXIT_FAILED)
