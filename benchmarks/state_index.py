"""`python -m benchmarks.state_index`: lists by state and the sweep, beside many finished jobs.

The rows of finished jobs are synthetic: as the service writes them, a hundred in each second, one job in a thousand
failed. Neither the lists nor the sweep read the records of finished jobs, so that those are not written; open jobs have
records. Requests are counted in the SDK's own log. The emulator keeps everything in memory and looks through whole
partitions: its seconds are not those of the service, the requests are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from benchmarks.bound import Bound
from benchmarks.bulk_rows import BulkRows
from benchmarks.grid import Grid
from benchmarks.judged import Judged, show_and_write
from benchmarks.site import run_benchmark, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.azurite import Azurite
from service.errors import UnreadableMedia
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord
from service.jobs.state_index import Rows, by_partition, settled_rows
from service.jobs.sweep.lease import SweepLeases
from service.jobs.sweep.sweep import sweep
from service.logs import configure
from service.settings import Settings

A_SECOND = 100
FAILED_EVERY = 1000
OPEN = 100
"""Open jobs, half of them running."""
PAGE_AIM = 5
"""Most requests of a page of 50 jobs."""
GROWTH_AIM = 0
"""Most requests by which a sweep beside most finished jobs exceeds one beside the fewest."""
SWEEP = "sweep"
REQUESTS = "azure.core.pipeline.policies.http_logging_policy"
OPTIONS = JobOptions.resolve("image", "wild", {})
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Measured:
    """Requests and seconds of one path beside one number of finished jobs."""

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
@click.option(
    "--most", type=click.IntRange(1000), default=1_000_000, show_default=True, help="Finished jobs at the end."
)
@click.option(
    "--within-s", default=1800.0, show_default=True, help="Seconds of writing after which the rest is left out."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(most: int, within_s: float, json_file: Path | None) -> None:
    """Count requests and seconds of a page and of a sweep beside 1,000 finished jobs, 10,000 and so on."""
    console = new_console()

    def measure() -> None:
        configure("text", "WARNING")
        facts = machine()
        console.print(machine_line(facts))
        with scratch_folder() as folder, _storage(folder) as backend:
            _open_jobs(backend)
            bulk = BulkRows(backend.account.tables.url, backend.table.name)
            measured: list[Measured] = []
            written, size, writing_s = 0, 1000, 0.0
            while written < most and writing_s < within_s:
                began = time.monotonic()
                with console.status(f"writing {size:,} rows"):
                    written = _write(bulk, written, min(size, most), began + within_s - writing_s)
                writing_s += time.monotonic() - began
                measured += _measured(backend, written)
                size *= 10
        if written < most:
            console.print(f"{written:,} of {most:,} rows were written within {within_s:.0f} s")
        note = f"{written:,} rows were written in {writing_s:.0f} s"
        show_and_write(console, json_file, "state_index", facts, _figures(measured), [_grid(measured)], written=note)

    run_benchmark(console, measure)


@contextmanager
def _storage(folder: Path) -> Iterator[JobBackend]:
    """Run an emulator that keeps all in memory."""
    azurite = Azurite(folder, in_memory=True)
    try:
        azurite.start()
        backend = JobBackend.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}))
        backend.create_storage()
        yield backend
    finally:
        azurite.stop()


def _job(name: str) -> AnalysisJob:
    return AnalysisJob("benchmark", f"{name}.jpg", "0x1", "image", "wild", OPTIONS)


def _open_jobs(backend: JobBackend) -> None:
    jobs, nothing = [_job(f"open-{number}") for number in range(OPEN)], [""] * OPEN
    records = backend.submitter.submit_several(jobs, "", nothing, nothing)
    for record in records[: OPEN // 2]:
        backend.table.state_index.renew(backend.table.update(record.claimed("worker", "a" * 12, 60, record.created)))


def _write(bulk: BulkRows, first: int, beyond: int, until: float) -> int:
    """Write rows of finished jobs until a time; return how many there are."""
    with ThreadPoolExecutor(1) as sender:
        sent: Future[None] | None = None
        for begin in range(first, beyond, A_SECOND):
            if time.monotonic() > until:
                beyond = begin
                break
            together = by_partition(settled_rows(_of_one_second(begin, beyond)))
            # The next rows are made while these are written.
            if sent:
                sent.result()
            sent = sender.submit(_insert, bulk, together)
        if sent:
            sent.result()
    return beyond


def _insert(bulk: BulkRows, together: Rows) -> None:
    for rows in together.values():
        bulk.insert(rows)


def _of_one_second(begin: int, beyond: int) -> Iterator[JobRecord]:
    created = FIRST + timedelta(seconds=begin // A_SECOND)
    for number in range(begin, min(begin + A_SECOND, beyond)):
        yield _finished(number, created)


def _finished(number: int, created: datetime) -> JobRecord:
    record = JobRecord(job=_job(f"{number:07d}"), traceparent="", created=created)
    running = record.claimed("worker", "a" * 12, 60, created)
    if number % FAILED_EVERY == 0:
        return running.failed(UnreadableMedia(), created).set_aside()
    return running.succeeded("a" * 12, created)


def _measured(backend: JobBackend, finished: int) -> Iterator[Measured]:
    table = backend.table
    paths: dict[str, Callable[[], object]] = {
        "page of succeeded": lambda: table.page(container=None, state="succeeded"),
        "page of failed": lambda: table.page(container=None, state="failed"),
        "page of running": lambda: table.page(container=None, state="running"),
        "page of queued": lambda: table.page(container=None, state="queued"),
        "records past retention": lambda: list(table.state_index.settled_before("succeeded", FIRST)),
        SWEEP: lambda: _sweep(backend),
    }
    table.state_index.mark.is_complete()
    for name, ask in paths.items():
        with _counted() as counter:
            began = time.monotonic()
            ask()
            yield Measured(finished, name, counter.count, round(time.monotonic() - began, 3))


def _sweep(backend: JobBackend) -> None:
    """Sweep once, and mend nothing: open jobs, uploads, and results, of which there are none."""
    leases = SweepLeases(backend.account.tables, backend.table.name)
    for _ in sweep(backend, leases, "benchmark", grace=timedelta(hours=1), mend=False):
        pass


@contextmanager
def _counted() -> Iterator[Counter]:
    counter, log = Counter(), logging.getLogger(REQUESTS)
    before, log.propagate = log.level, False
    log.setLevel(logging.INFO)
    log.addHandler(counter)
    try:
        yield counter
    finally:
        log.removeHandler(counter)
        log.setLevel(before)
        log.propagate = True


def _figures(measured: list[Measured]) -> list[Judged]:
    fewest, most = (pick(one.finished for one in measured) for pick in (min, max))
    beside_most = {one.path: one for one in measured if one.finished == most}
    [before] = [one for one in measured if one.finished == fewest and one.path == SWEEP]
    pages = [one for path, one in beside_most.items() if path.startswith("page")]
    after = beside_most[SWEEP]
    return [
        Judged("finished jobs at the end", "jobs", most),
        *(
            Judged(f"{one.path}, beside {most:,} jobs", "requests", one.requests, Bound(at_most=PAGE_AIM))
            for one in pages
        ),
        Judged(f"sweep with {OPEN} open jobs, beside {most:,}", "requests", after.requests),
        Judged(
            f"sweep beside {most:,}, beyond that beside {fewest:,}",
            "requests",
            after.requests - before.requests,
            Bound(at_most=GROWTH_AIM),
        ),
    ]


def _grid(measured: list[Measured]) -> Grid:
    rows = [(f"{one.finished:,}", one.path, str(one.requests), f"{one.seconds:.3f}") for one in measured]
    return Grid("Requests and seconds", ("finished jobs", "path", "requests", "seconds"), rows)


if __name__ == "__main__":
    main()
