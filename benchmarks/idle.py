"""`python -m benchmarks.idle`: processor time of a whole local stack that has nothing to do.

Web, one worker and the function runner with all their children, in percent of one core, and storage beside them. Once
with few blobs and once with many, which the functions have seen already: waiting must cost the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from azure.storage.blob import BlobServiceClient

from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.judged import Judged, show_and_write
from benchmarks.processes import cpu_seconds
from benchmarks.site import run_benchmark, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.function_runner.blob_listing import list_blobs
from infra.local.function_runner.delivered_versions import DeliveredVersions
from infra.local.part import Part, PartFailed
from infra.local.stack import LocalStack, StackOptions

MOST_PERCENT = 1.0
FEW, MANY = 10, 10_000
# The emulator tidies its memory until about half a minute after many writes; this is no cost of rest.
SETTLE_S = 45.0
_PUTS_AT_ONCE = 8
_LISTED_WITHIN_S = 120.0
# No media, so that the functions make no job of it.
_CONTAINER, _LAST = "texts", "last.txt"


@dataclass(frozen=True)
class Idle:
    """Processor time of each part at rest, in percent of one core."""

    blobs: int
    web: float
    worker: float
    runner: float
    storage: float

    @property
    def together(self) -> float:
        """All but storage, which is a service of Azure where it matters."""
        return self.web + self.worker + self.runner


@click.command()
@click.option("--blobs", type=click.IntRange(1), multiple=True, default=(FEW, MANY), show_default=True, help="Stored.")
@click.option("--rest-s", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds of watched rest.")
@click.option("--settle-s", type=click.FloatRange(0), default=SETTLE_S, show_default=True, help="Seconds before them.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(blobs: Sequence[int], rest_s: float, settle_s: float, json_file: Path | None) -> None:
    """Measure what web, worker and function runner cost while nothing is asked of them."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status:
            found = []
            for count in blobs:
                status.update(f"at rest with {count} blobs")
                found.append(measure_idle(count, rest_s, settle_s))
        cases = [asdict(each) for each in found]
        show_and_write(console, json_file, "idle", facts, figures_of(found), [_grid(found)], cases=cases)

    run_benchmark(console, measure)


def measure_idle(blobs: int, rest_s: float, settle_s: float) -> Idle:
    """Start a stack, store blobs as if the functions had seen them, wait until it is at rest, then watch it."""
    with (
        scratch_folder() as folder,
        LocalStack(StackOptions(run_folder=folder, storage_in_memory=True)) as stack,
        BlobServiceClient.from_connection_string(stack.connection_string) as storage,
    ):
        stack.functions.stop()
        _store(storage, blobs)
        _note_as_delivered(storage, folder / "delivered.json")
        stack.functions.start()
        _wait_until_listed(stack.functions, storage)
        time.sleep(settle_s)
        parts = (stack.web, stack.worker(0), stack.functions, stack.azurite.part)
        began, before = time.monotonic(), [cpu_seconds([part]) for part in parts]
        time.sleep(rest_s)
        stack.check()
        used = [cpu_seconds([part]) - at_first for part, at_first in zip(parts, before, strict=True)]
        percent = 100 / (time.monotonic() - began)
        return Idle(blobs, *(seconds * percent for seconds in used))


def figures_of(found: Sequence[Idle]) -> list[Judged]:
    """Beside their aim."""
    return [
        Judged(
            f"web, worker and function runner, {each.blobs:,} blobs", "% of a core", each.together, Bound(MOST_PERCENT)
        )
        for each in found
    ]


def _store(storage: BlobServiceClient, blobs: int) -> None:
    container = storage.create_container(_CONTAINER)
    with ThreadPoolExecutor(_PUTS_AT_ONCE) as puts:
        for _ in puts.map(lambda number: container.upload_blob(f"{number}.txt", b"text"), range(blobs)):
            pass


def _note_as_delivered(storage: BlobServiceClient, state: Path) -> None:
    # To call the functions for each would take minutes, and change nothing of the rest that follows.
    delivered = DeliveredVersions(state)
    for blob in list_blobs(storage):
        delivered.add(blob.key)
    delivered.save()


def _wait_until_listed(runner: Part, storage: BlobServiceClient) -> None:
    """Wait until the runner has delivered a new blob, and so has listed the others."""
    storage.get_blob_client(_CONTAINER, _LAST).upload_blob(b"text")
    deadline = time.monotonic() + _LISTED_WITHIN_S
    while _LAST not in runner.log_since_start():
        if time.monotonic() > deadline:
            raise PartFailed(runner.name, f"has not seen {_LAST}", runner.log_tail())
        time.sleep(0.5)


def _grid(found: Sequence[Idle]) -> Grid:
    rows = [
        (
            f"{each.blobs:,}",
            *(f"{value:.2f}" for value in (each.web, each.worker, each.runner, each.together, each.storage)),
        )
        for each in found
    ]
    return Grid("percent of one core at rest", ("blobs", "web", "worker", "runner", "these together", "storage"), rows)


if __name__ == "__main__":
    main()
