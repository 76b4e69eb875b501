"""Shared by the operator's commands: the storage account, and failures of single ids."""

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
    """Connect to the storage account of the settings; an error ends the command with a sentence."""
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    with exit_on_error():
        yield JobBackend.connect(settings)


def order_line(record: JobRecord) -> str:
    """State of a job after an order about it, in one line."""
    ending = record.cancel_requested and not record.is_finished
    return f"{record.job.job_id} {'ending' if ending else record.state} (generation {record.job.generation})"


class Failures:
    """Failures of single ids: printed as they happen; they make the exit code 1."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._any = False

    def add(self, id_: str, error: AnalysisError) -> None:
        self._any = True
        if self._as_json:
            echo_json({"id": id_, "error": {"code": error.code, "message": error.message}})
        else:
            click.echo(f"{shown(id_)}: {shown(error.message)} ({error.code})", err=True)

    def exit_if_any(self) -> None:
        """End the process with exit code 1 if anything failed."""
        if self._any:
            sys.exit(EXIT_FAILED)
