"""`python -m benchmarks.storage_calls`: requests to storage for each job, counted where they arrive.

Of web and worker together, from the request for the analysis to the job's end: the upload comes before, and where the
jobs are is read from the worker's log. Storage is paid by the request, and each takes a moment of the job's time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip, photos
from benchmarks.outcomes import Outcomes
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from benchmarks.wire import BLOB_WRITES, AccessLog
from service.jobs.media_kind import Media

WITHIN_S = 600.0
WARM_UPS = 2
AT_REST = "a minute of a worker at rest"
MOST_BLOBS_OF_A_PHOTO = 2


@dataclass(frozen=True)
class Counted:
    """Requests for some jobs of a kind (or for a minute of none)."""

    what: str
    jobs: int
    operations: Counter[str]

    @property
    def by_job(self) -> dict[str, float]:
        """Of each operation, for one job."""
        return {name: count / self.jobs for name, count in sorted(self.operations.items())}

    @property
    def total(self) -> float:
        """For one job."""
        return sum(self.operations.values()) / self.jobs

    @property
    def blob_writes(self) -> float:
        """Of these, what is charged as a write of a blob."""
        return sum(self.operations[name] for name in BLOB_WRITES) / self.jobs

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        calls = {"calls_a_job": self.by_job, "total_a_job": self.total, "blob_writes_a_job": self.blob_writes}
        return {"what": self.what, "jobs": self.jobs, **calls}


@click.command()
@click.option("--burst", type=click.IntRange(1), default=100, show_default=True, help="Photos at once.")
@click.option("--clip-s", type=click.IntRange(1), default=20, show_default=True, help="Seconds of the clip.")
@click.option("--rest-s", type=click.FloatRange(1), default=15.0, show_default=True, help="Seconds of watched rest.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(burst: int, clip_s: int, rest_s: float, json_file: Path | None) -> None:
    """Count the requests to storage of a photo, of a burst of photos, of a video and of a worker at rest."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with (
            console.status("starting") as status,
            scratch_folder() as folder,
            running_site(access_log=True) as site,
        ):
            counted = count_all(site, folder, burst, clip_s, rest_s, status.update)
        cases = [each.as_dict() for each in counted]
        show_and_write(console, json_file, "storage_calls", facts, figures_of(counted), [_grid(counted)], cases=cases)

    run_benchmark(console, measure)


def count_all(
    site: Site, folder: Path, burst: int, clip_s: int, rest_s: float, say: Callable[[str], None]
) -> list[Counted]:
    """Every case, on a stack with an access log."""
    files = photos(folder / "photos", burst)
    log = AccessLog(site.stack.azurite.part)
    count_jobs(site, log, "", files[:WARM_UPS], "image")
    cases: list[tuple[str, Media, list[Path]]] = [
        ("one photo", "image", files[:1]),
        (f"a photo of a burst of {burst}", "image", files),
        (f"a clip of {clip_s} s", "video", [clip(clip_s)]),
    ]
    counted = []
    for what, media, some in cases:
        say(what)
        counted.append(count_jobs(site, log, what, some, media))
    say(AT_REST)
    return [*counted, count_rest(log, rest_s)]


def count_jobs(site: Site, log: AccessLog, what: str, files: Sequence[Path], media: Media) -> Counted:
    """Have them all analysed; the requests from the asking to the last one's end."""
    container = site.fill(files)
    outcomes = Outcomes(site.workers)
    log.take()
    site.ask_for_all(container, media)
    outcomes.wait(len(files), WITHIN_S)
    return Counted(what, len(files), log.take())


def count_rest(log: AccessLog, seconds: float) -> Counted:
    """The requests of a minute without work, counted in fewer seconds and after the worker has slowed down."""
    time.sleep(min(seconds, 3.0))
    log.take()
    began = time.monotonic()
    time.sleep(seconds)
    found = log.take()
    minutes = (time.monotonic() - began) / 60
    return Counted(AT_REST, 1, Counter({name: round(count / minutes) for name, count in found.items()}))


def figures_of(counted: Sequence[Counted]) -> list[Judged]:
    """Beside their aims."""
    found = [
        Judged(
            f"blobs written for {each.what}",
            "requests",
            each.operations["put blob"] / each.jobs,
            Bound(at_most=MOST_BLOBS_OF_A_PHOTO),
        )
        for each in counted
        if "photo" in each.what
    ]
    return found + [Judged(f"all for {each.what}", "requests", each.total) for each in counted]


def _grid(counted: Sequence[Counted]) -> Grid:
    rows = [
        (name, *(f"{each.by_job[name]:.2f}" if name in each.by_job else "" for each in counted))
        for name in sorted({name for each in counted for name in each.operations})
    ]
    rows.append(("total", *(f"{each.total:.2f}" for each in counted)))
    rows.append(("of these charged as blob writes", *(f"{each.blob_writes:.2f}" for each in counted)))
    return Grid("requests to storage", ("operation", *(each.what for each in counted)), rows)


if __name__ == "__main__":
    main()
