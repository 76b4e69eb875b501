"""`python -m benchmarks.flat`: the memory of web and worker over thousands of requests and jobs, and whether it grows.

Flat is what keeps its size: the mean of the last quarter of the time against that of the second (the first is for
loading, caches and connections).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from benchmarks.bound import Bound
from benchmarks.burst import NO_LIMIT
from benchmarks.grid import Grid
from benchmarks.interactive import DETECT, detect_picture
from benchmarks.judged import Judged, show_and_write
from benchmarks.load import Ask, Load, run
from benchmarks.media import photos
from benchmarks.outcomes import Outcomes
from benchmarks.processes import ENGINE, ProcessSample, look
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.part import Part, PartFailed

WEB_MB_AT_MOST, WORKER_MB_AT_MOST = 350, 250
GROWTH_AT_MOST = 1.05
LOOK_EVERY_S = 0.5
CONNECTIONS = 4
DIFFERENT_PHOTOS = 100
WITHIN_S = 3600.0
LEAST_SAMPLES = 8
_MEGABYTE = 1_000_000


@dataclass
class Watched:
    """What was seen of a part's processes: by process and time (seconds, bytes)."""

    began: float = field(default_factory=time.monotonic)
    roles: dict[int, str] = field(default_factory=dict)
    resident: dict[int, dict[float, int]] = field(default_factory=lambda: defaultdict(dict))
    proportional: dict[int, int] = field(default_factory=dict)

    def add(self, seen: list[ProcessSample]) -> None:
        """One look at all of them."""
        at = time.monotonic() - self.began
        for each in seen:
            self.roles[each.process_id] = f"{each.role}, the first" if each.is_first else each.role
            self.resident[each.process_id][at] = each.resident
            self.proportional[each.process_id] = max(self.proportional.get(each.process_id, 0), each.proportional)

    @property
    def lasting(self) -> dict[int, dict[float, int]]:
        """Of every process but the engine's, and but copies of a parent that are about to become an engine."""
        return {
            pid: samples for pid, samples in self.resident.items() if self.roles[pid] != ENGINE and len(samples) > 1
        }

    @property
    def together(self) -> dict[float, int]:
        """All of these added up; what they share counts more than once."""
        total: dict[float, int] = defaultdict(int)
        for samples in self.lasting.values():
            for at, size in samples.items():
                total[at] += size
        return total

    def as_dict(self) -> list[dict[str, Any]]:
        """Each of these: its most in MB (millions of bytes), and its growth."""
        return [
            {
                "process": f"{self.roles[pid]} {number}",
                "most_mb": max(samples.values()) / _MEGABYTE,
                "most_proportional_mb": self.proportional[pid] / _MEGABYTE,
                "growth": growth(samples),
                "samples": len(samples),
            }
            for number, (pid, samples) in enumerate(sorted(self.lasting.items()), 1)
        ]


def growth(samples: Mapping[float, int]) -> float | None:
    """The mean of the last quarter of the time over that of the second; None with too few samples."""
    if len(samples) < LEAST_SAMPLES:
        return None
    first, last = min(samples), max(samples)
    quarters: list[list[int]] = [[], [], [], []]
    for at, size in samples.items():
        quarters[min(3, int(4 * (at - first) / (last - first)))].append(size)
    return fmean(quarters[3]) / fmean(quarters[1]) if quarters[1] and quarters[3] else None


@click.command()
@click.option("--requests", "count", type=click.IntRange(6), default=10_000, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1000, show_default=True, help="Photos.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(count: int, jobs: int, json_file: Path | None) -> None:
    """Measure the memory of web over requests, and that of a worker over jobs."""
    console = new_console()
    if not Path("/proc/self/smaps_rollup").is_file():
        raise click.ClickException("this reads /proc, which only Linux has")

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status, scratch_folder() as folder, running_site(NO_LIMIT) as site:
            web, worker = measured(site, folder, count, jobs, status.update)
        grids = [_grid(f"web, {count} requests", web.as_dict()), _grid(f"a worker, {jobs} photos", worker.as_dict())]
        of: dict[str, Any] = {"requests": count, "jobs": jobs, "web": web.as_dict(), "worker": worker.as_dict()}
        show_and_write(console, json_file, "flat", facts, figures_of(web, worker), grids, **of)

    run_benchmark(console, measure)


def measured(site: Site, folder: Path, count: int, jobs: int, say: Callable[[str], None]) -> tuple[Watched, Watched]:
    """What was seen of web over the requests, and of the first worker over the jobs, which come first."""
    files = photos(folder / "photos", min(jobs, DIFFERENT_PHOTOS))
    worker, ids = _worked(site, files, jobs, say)
    say(f"{count} requests")
    return _asked(site, ids, detect_picture(folder / "face.jpg"), count), worker


@contextmanager
def watched(part: Part) -> Iterator[Watched]:
    """Look at a part's processes while the block runs."""
    found = Watched()
    done = threading.Event()

    def sample() -> None:
        while not done.wait(LOOK_EVERY_S):
            found.add(look(part))

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
    found.add(look(part))


def _worked(site: Site, files: list[Path], jobs: int, say: Callable[[str], None]) -> tuple[Watched, list[str]]:
    """All jobs through the worker, a container of photos after the other; returns the ids of the last ones too."""
    part = site.stack.worker(0)
    ids: list[str] = []
    done = 0
    with watched(part) as found:
        while done < jobs:
            some = files[: jobs - done]
            container = site.fill(some)
            outcomes = Outcomes(site.workers)
            ids = site.ask_for_all(container, "image")
            outcomes.wait(len(some), WITHIN_S)
            done += len(some)
            say(f"{done} of {jobs} photos")
    return found, ids


def _asked(site: Site, ids: list[str], picture: Path, count: int) -> Watched:
    """A list of jobs, a job and a picture in turn."""
    asks = []
    for number in range(count):
        kinds = Ask("GET", "/jobs"), Ask("GET", f"/jobs/{ids[number % len(ids)]}"), Ask("POST", DETECT, str(picture))
        asks.append(kinds[number % len(kinds)])
    with watched(site.stack.web) as found:
        answers = run(Load(site.stack.service_url, asks, CONNECTIONS), WITHIN_S)
    if answers.statuses != {str(int(HTTPStatus.OK)): count}:
        raise PartFailed("web", f"answered {answers.statuses}", site.stack.web.log_tail())
    return found


def figures_of(web: Watched, worker: Watched) -> list[Judged]:
    """Beside their aims."""
    web_told, worker_told = web.as_dict(), worker.as_dict()
    servers = [each for each in web_told if each["process"].startswith("service web")]
    children = [each["most_mb"] for each in web_told if each not in servers]
    together = worker.together
    grown = [each["growth"] for each in (*web_told, *worker_told) if each["growth"] is not None]
    return [
        Judged("web, largest process", "MB", max(each["most_mb"] for each in servers), Bound(at_most=WEB_MB_AT_MOST)),
        Judged("web, largest child for pictures", "MB", max(children, default=None)),
        Judged("worker", "MB", worker_told[0]["most_mb"], Bound(at_most=WORKER_MB_AT_MOST)),
        # An upper bound: what they share, such as the interpreter and its libraries, is in each one's figure.
        Judged("worker and its children beside the engine, added up", "MB", max(together.values()) / _MEGABYTE),
        Judged("last quarter to second, worst process", "times", max(grown, default=None), Bound(GROWTH_AT_MOST)),
        Judged("the same, worker and its children", "times", growth(together), Bound(GROWTH_AT_MOST)),
    ]


def _grid(title: str, told: list[dict[str, Any]]) -> Grid:
    rows = []
    for each in told:
        grown = "-" if each["growth"] is None else f"{each['growth']:.3f}"
        sizes = (f"{each[name]:.1f}" for name in ("most_mb", "most_proportional_mb"))
        rows.append((each["process"], *sizes, grown, str(each["samples"])))
    headings = ("process", "RSS at most, MB", "PSS at most, MB", "last quarter to second", "samples")
    return Grid(title, headings, rows)


if __name__ == "__main__":
    main()
