"""`python -m benchmarks.state_index`: lists by state and the sweep's look at open jobs, beside many finished jobs.

The rows of finished jobs are synthetic: as the service writes them, a hundred in each second, one job in a thousand
failed. Their records are not written, since neither path reads them; open jobs have both. Requests are counted in the
SDK's own log. The emulator keeps everything in memory and looks through whole partitions: its seconds are not those of
the service, the requests are. A million rows take many minutes to write: `--most 1000000` does it.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.table import Table

from benchmarks.site import run_benchmark
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from infra.local.azurite import start_azurite
from service.errors import UnreadableMedia
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord
from service.settings import Settings

A_SECOND = 100
FAILED_EVERY = 1000
OPEN = 20
PAGE_AIM = 5
"""Most requests of a page of finished jobs."""
REQUESTS = "azure.core.pipeline.policies.http_logging_policy"
OPTIONS = JobOptions.resolve("image", "wild", {})
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Figure:
    """One path beside one number of finished jobs."""

    finished: int
    path: str
    requests: int
    seconds: float


class Counter(logging.Handler):
    """Counts requests in the SDK's log."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "Request URL" in record.getMessage()


@click.command()
@click.option("--most", type=click.IntRange(1000), default=100_000, show_default=True, help="Finished jobs at the end.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(most: int, json_file: Path | None) -> None:
    """Count requests and seconds of a page and of a sweep beside 1,000 finished jobs, 10,000 and so on."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        figures: list[Figure] = []
        with tempfile.TemporaryDirectory() as folder, start_azurite(Path(folder)) as azurite:
            backend = JobBackend.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}))
            backend.create_storage()
            backend.submitter.submit_several([_job(f"open-{number}") for number in range(OPEN)], "")
            written, size = 0, 1000
            while size <= most:
                with console.status(f"writing {size:,} rows"):
                    _write(backend, written, size)
                written = size
                figures += _figures(backend, size)
                size *= 10
        console.print(_table(figures))
        missed = [figure for figure in figures if figure.path != "open jobs" and figure.requests > PAGE_AIM]
        console.print(f"at most {PAGE_AIM} requests a page of finished jobs: {'missed' if missed else 'met'}")
        console.print(LOAD_DISTORTS)
        write_json(json_file, {"machine": facts, "state_index": [asdict(figure) for figure in figures]})

    run_benchmark(console, measure)


def _job(name: str) -> AnalysisJob:
    return AnalysisJob("benchmark", f"{name}.jpg", "0x1", "image", "wild", OPTIONS)


def _write(backend: JobBackend, first: int, beyond: int) -> None:
    for begin in range(first, beyond, A_SECOND):
        created = FIRST + timedelta(seconds=begin // A_SECOND)
        backend.table.state_index.add_settled(_finished(number, created) for number in range(begin, begin + A_SECOND))


def _finished(number: int, created: datetime) -> JobRecord:
    record = JobRecord(job=_job(f"{number:07d}"), traceparent="", created=created)
    running = record.claimed("worker", "a" * 12, 60, created)
    if number % FAILED_EVERY == 0:
        return running.failed(UnreadableMedia(), created).set_aside()
    return running.succeeded("a" * 12, created)


def _figures(backend: JobBackend, finished: int) -> Iterator[Figure]:
    table = backend.table
    paths: dict[str, Callable[[], object]] = {
        "page of succeeded": lambda: table.page(container=None, state="succeeded"),
        "page of failed": lambda: table.page(container=None, state="failed"),
        "records past retention": lambda: list(table.state_index.settled_before("succeeded", FIRST)),
        "open jobs": lambda: list(table.unsettled()),
    }
    table.state_index.is_complete()
    for name, ask in paths.items():
        with _counted() as counter:
            began = time.monotonic()
            ask()
            yield Figure(finished, name, counter.count, round(time.monotonic() - began, 3))


@contextmanager
def _counted() -> Iterator[Counter]:
    counter, log = Counter(), logging.getLogger(REQUESTS)
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(counter)
    try:
        yield counter
    finally:
        log.removeHandler(counter)
        log.setLevel(before)


def _table(figures: list[Figure]) -> Table:
    table = Table("finished jobs", "path", "requests", "seconds")
    for figure in figures:
        table.add_row(f"{figure.finished:,}", figure.path, str(figure.requests), f"{figure.seconds:.3f}")
    return table


if __name__ == "__main__":
    main()
