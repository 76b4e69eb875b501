"""`python -m benchmarks.simulate`: backlog, latency and cost of a day of jobs, from a thousand to a million.

A model (`benchmarks.queue_model`) fed with measured times (`benchmarks.service_times`). `--check` runs a small real
stack on arrivals of two kinds and prints what the model says of the same arrivals beside what was measured; the times
for that are measured in the same run, on other photos.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import requests
from numpy.typing import NDArray

from benchmarks.arrivals import DAY_S, PATTERNS, Pattern, day_of
from benchmarks.arrivals import HOW_TO_READ as PATTERNS_TOLD
from benchmarks.bill import SidePrices, SideShape, busiest_second, first_limit, limits, side_costs, workers_for_bytes
from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.judged import Judged, in_digits, show_and_write
from benchmarks.media import photos
from benchmarks.outcomes import Outcomes
from benchmarks.queue_model import Job, Model, Outcome, Rule
from benchmarks.service_times import BATCH, DEFAULT_FILE, ONE_ENGINE, WITHIN_S, ServiceTimes, measure_times
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console

HOW_TO_READ = (
    PATTERNS_TOLD
    + """\
waiting  most messages in the queue at once, and most workers at once
p50 …    seconds from submission to success
busy     share of the workers' engines' time
dollars  workers, requests to storage, logs, web (all day), Functions and Event Grid
nearest  the limit of Azure that the busiest second comes nearest to, and how near
"""
)
JOBS = (1_000, 10_000, 100_000, 1_000_000)
PERCENTILES = ("p50", "p95", "p99")
JUDGED, FURTHEST = ("p50", "p95"), 0.2
_PRICE_CALLS = 10_000


@dataclass(frozen=True)
class Prices:
    """In US dollars, as `main` documents them."""

    vcpu_s: float
    gib_s: float
    blob_writes: float
    other_calls: float


@dataclass(frozen=True)
class Shape:
    """A worker: its engines, and what is paid for."""

    engines: int
    vcpu: float
    gib: float


@click.command()
@click.option(
    "--times",
    "times_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    show_default=DEFAULT_FILE.name,
    help="Measured by benchmarks.service_times.",
)
@click.option(
    "--jobs",
    "sizes",
    type=click.IntRange(1),
    multiple=True,
    default=JOBS,
    show_default=True,
    help="Jobs a day; can be given again.",
)
@click.option("--pattern", "patterns", type=click.Choice(PATTERNS), multiple=True, default=PATTERNS, show_default=True)
@click.option("--videos", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of videos.")
@click.option("--video-s", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds of each.")
@click.option(
    "--messages-each",
    type=click.IntRange(1),
    default=Rule.messages_each,
    show_default=True,
    help="Messages for which one worker is wanted, as infra/bicep has it for two engines.",
)
@click.option(
    "--poll-s",
    type=click.FloatRange(1),
    default=Rule.poll_s,
    show_default=True,
    help="Between two looks of the scaler; KEDA's and Container Apps' default.",
)
@click.option(
    "--leave-after-s",
    type=click.FloatRange(1),
    default=Rule.leave_after_s,
    show_default=True,
    help="Without work until a worker ends, as infra/bicep has it.",
)
@click.option("--least", type=click.IntRange(0), default=Rule.least, show_default=True, help="Workers at any time.")
@click.option("--most", type=click.IntRange(1), default=Rule.most, show_default=True, help="Workers at once.")
@click.option(
    "--cold-start-s",
    type=click.FloatRange(0),
    default=Rule.cold_start_s,
    show_default=True,
    help="From the scaler's decision to the first look into the queue; assumed, not measured.",
)
@click.option("--engines", type=click.IntRange(1), default=2, show_default=True, help="Of a worker, a processor each.")
@click.option("--vcpu", type=float, default=2.0, show_default=True, help="Of a worker, as infra/bicep has it.")
@click.option("--gib", type=float, default=4.0, show_default=True, help="The same of memory.")
@click.option(
    "--price-vcpu-s",
    type=float,
    default=0.000024,
    show_default=True,
    help="Dollars; azure.microsoft.com/pricing/details/container-apps, active, as quoted by others in 2026.",
)
@click.option("--price-gib-s", type=float, default=0.000003, show_default=True, help="The same for memory.")
@click.option(
    "--price-blob-writes",
    type=float,
    default=0.05,
    show_default=True,
    help="Dollars for 10,000 writes and listings of blobs (hot, local redundancy); an order of magnitude: see "
    "azure.microsoft.com/pricing/details/storage/blobs for yours.",
)
@click.option(
    "--price-other-calls",
    type=float,
    default=0.004,
    show_default=True,
    help="The same for 10,000 other requests to blobs, queues and tables.",
)
@click.option(
    "--price-log-gib",
    type=float,
    default=2.76,
    show_default=True,
    help="Dollars for a GiB of logs (Azure Monitor, pay as you go); an order of magnitude, as all that follow.",
)
@click.option("--price-function-calls", type=float, default=0.20, show_default=True, help="For a million executions.")
@click.option("--price-function-gib-s", type=float, default=0.000016, show_default=True, help="For a GiB-second.")
@click.option("--price-event-grid-calls", type=float, default=0.60, show_default=True, help="For a million deliveries.")
@click.option("--web-vcpu", type=float, default=0.5, show_default=True, help="Of all web replicas, all day.")
@click.option("--web-gib", type=float, default=1.0, show_default=True, help="The same of memory.")
@click.option("--function-s", type=float, default=0.2, show_default=True, help="Of one execution; assumed.")
@click.option("--function-gib", type=float, default=0.5, show_default=True, help="Of one execution; assumed.")
@click.option(
    "--bytes-a-day", type=float, default=10e12, show_default=True, help="Media for which the workers are counted."
)
@click.option("--photo-bytes", type=float, default=5e6, show_default=True, help="Of one photo, for that.")
@click.option("--video-bytes-s", type=float, default=1e6, show_default=True, help="Of a second of video, for that.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--check", is_flag=True, help="Hold the model to a real run instead of simulating days.")
@click.option(
    "--check-photos",
    type=(click.IntRange(1), click.IntRange(1)),
    default=(60, 40),
    show_default=True,
    help="Photos in a burst, and photos that come one by one.",
)
@click.option(
    "--check-every-s", type=click.FloatRange(0.05), default=0.75, show_default=True, help="Mean time between those."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(**options: Any) -> None:
    """Simulate a day of jobs, or check the model against a real run."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        if options["check"]:
            with console.status("measuring"):
                grid, figures, more = _check(facts, options)
            show_and_write(console, options["json_file"], "simulate_check", facts, figures, [grid], **more)
            return
        times = ServiceTimes.load(options["times_file"])
        with console.status("simulating") as status:
            days: list[dict[str, Any]] = []
            for pattern in options["patterns"]:
                for jobs in options["sizes"]:
                    status.update(f"{pattern}: {jobs:,} jobs a day")
                    days.append(_day(times, pattern, jobs, options))
        console.print(HOW_TO_READ)
        console.print(f"times measured {times.measured['date']} on {times.measured['cpus']} CPUs")
        if times.log_bytes is None:
            console.print("these times are without the bytes of logs: logs are not in the cost")
        more = {"days": days, "times": times.as_dict(), "options": _plain(options)}
        grids = [_grid(days), _bill_grid(days), _bytes_grid(times, options)]
        show_and_write(console, options["json_file"], "simulate", facts, [], grids, **more)

    run_benchmark(console, measure)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in options.items() if not isinstance(value, Path) and not name.startswith("check")
    }


def _day(times: ServiceTimes, pattern: Pattern, jobs: int, options: dict[str, Any]) -> dict[str, Any]:
    """One simulated day and what it costs."""
    rule = Rule(**{name: options[name] for name in Rule.__dataclass_fields__})
    shape = Shape(options["engines"], options["vcpu"], options["gib"])
    prices = Prices(*(options[f"price_{name}"] for name in Prices.__dataclass_fields__))
    seed = options["seed"]
    arrivals = day_of(pattern, jobs, seed)
    is_video = np.random.default_rng(seed + 1).uniform(size=jobs) < options["videos"]
    day = [Job(float(at), options["video_s"] if video else 0.0) for at, video in zip(arrivals, is_video, strict=True)]
    outcome = Model(times, rule, engines=shape.engines, batch=BATCH, seed=seed).run(day, until_s=DAY_S)
    p50, p95, p99 = map(float, outcome.percentiles())
    costs = _cost(outcome, times, shape, prices, videos=int(is_video.sum())) | _side_costs(times, jobs, options)
    arriving = busiest_second(arrivals)
    done = outcome.most_workers * shape.engines / (times.photo_each_s + times.photo_start_s / BATCH)
    near = limits(arriving, min(done, arriving), times.photo_calls, outcome.most_workers * shape.vcpu)
    return {
        "pattern": pattern,
        "jobs": jobs,
        "most_waiting": outcome.most_waiting,
        "most_workers": outcome.most_workers,
        "p50_s": p50,
        "p95_s": p95,
        "p99_s": p99,
        "busy": outcome.busy_s / (outcome.worker_s * shape.engines),
        "worker_hours": outcome.worker_s / 3600,
        **costs,
        "cost_of_1000_jobs": 1000 * sum(costs.values()) / jobs,
        "nearest_limit": first_limit(near),
    }


def _side_costs(times: ServiceTimes, jobs: int, options: dict[str, Any]) -> dict[str, float]:
    """Dollars for what is beside workers and storage."""
    sides = {name: options[name] for name in ("web_vcpu", "web_gib", "function_s", "function_gib")}
    shape = SideShape(**sides, log_bytes=times.log_bytes)
    prices = SidePrices(*(options[f"price_{name}"] for name in SidePrices.__dataclass_fields__))
    return side_costs(jobs, DAY_S, shape, prices, options["price_vcpu_s"], options["price_gib_s"])


def _cost(outcome: Outcome, times: ServiceTimes, shape: Shape, prices: Prices, videos: int) -> dict[str, float]:
    """Dollars for workers and for requests to storage; stored bytes, free grants and taxes are not in it."""
    pictures = len(outcome.latencies) - videos
    writes = pictures * times.photo_blob_writes + videos * times.video_blob_writes
    calls = pictures * times.photo_calls + videos * times.video_calls
    # A worker looks into the queue while its engines have nothing to do.
    rest_s = outcome.worker_s - outcome.busy_s / shape.engines
    others = calls - writes + rest_s / 60 * times.rest_calls_a_minute
    workers = outcome.worker_s * (shape.vcpu * prices.vcpu_s + shape.gib * prices.gib_s)
    storage = (writes * prices.blob_writes + others * prices.other_calls) / _PRICE_CALLS
    return {"cost_workers": workers, "cost_storage": storage}


def _grid(days: Sequence[dict[str, Any]]) -> Grid:
    headings = ("", "jobs", "waiting", "workers", "p50 s", "p95 s", "p99 s", "busy", "$ for 1,000")
    rows = [
        (
            str(day["pattern"]),
            *(f"{day[name]:,}" for name in ("jobs", "most_waiting", "most_workers")),
            *(in_digits(day[name]) for name in ("p50_s", "p95_s", "p99_s")),
            f"{day['busy']:.0%}",
            f"{day['cost_of_1000_jobs']:.3f}",
        )
        for day in days
    ]
    return Grid("a simulated day", headings, rows)


def _bill_grid(days: Sequence[dict[str, Any]]) -> Grid:
    parts = ("workers", "storage", "logs", "web", "functions", "event_grid")
    rows = [
        (
            str(day["pattern"]),
            f"{day['jobs']:,}",
            *(f"{1000 * day[f'cost_{name}'] / day['jobs']:.4f}" for name in parts),
            str(day["nearest_limit"]),
        )
        for day in days
    ]
    named = tuple(name.replace("_", " ") for name in parts)
    return Grid("dollars for 1,000 jobs", ("", "jobs", *named, "nearest limit"), rows)


def _bytes_grid(times: ServiceTimes, options: dict[str, Any]) -> Grid:
    """Workers, and dollars for them, for a day's bytes as photos alone and as videos alone."""
    photo_s = times.photo_each_s + times.photo_start_s / BATCH
    media = {
        "photos": (options["photo_bytes"], photo_s, 1000.0),
        "seconds of video": (options["video_bytes_s"], times.video_each_s, 60.0),
    }
    worker_s = options["vcpu"] * options["price_vcpu_s"] + options["gib"] * options["price_gib_s"]
    rows = []
    for name, (size, each_s, group) in media.items():
        workers = workers_for_bytes(options["bytes_a_day"], size, each_s, options["engines"])
        cost = group * each_s / options["engines"] * worker_s
        rows.append((name, f"{options['bytes_a_day'] / size:,.0f}", f"{workers:,.1f}", f"{cost:.4f} for {group:.0f}"))
    title = f"{options['bytes_a_day'] / 1e12:g} TB a day, workers busy all day"
    return Grid(title, ("", "a day", "workers", "$ of workers"), rows)


def _check(facts: dict[str, Any], options: dict[str, Any]) -> tuple[Grid, list[Judged], dict[str, Any]]:
    """The model beside a worker of one engine, on the very moments at which the real jobs were submitted."""
    at_once, one_by_one = options["check_photos"]
    gaps = np.random.default_rng(options["seed"]).exponential(options["check_every_s"], one_by_one)
    with running_site(ONE_ENGINE, access_log=True) as site, scratch_folder() as folder:
        times = measure_times(site, facts, singles=5, batches=3, rest_s=3.0)
        pictures = photos(folder / "checked", at_once + one_by_one)
        measured = {
            "burst": _real(site, pictures[:at_once], np.zeros(at_once)),
            "one by one": _real(site, pictures[at_once:], np.cumsum(gaps)),
        }
    rows, off = [], []
    for name, (created, real) in measured.items():
        rule = Rule(least=1, most=1)
        model = Model(times, rule, engines=1, batch=BATCH, seed=options["seed"])
        outcome = model.run([Job(float(at)) for at in np.sort(created)])
        # Jobs that are asked for together have one moment of submission, and their messages come after all records.
        said = outcome.percentiles() + (times.submit_each_s * at_once if name == "burst" else 0.0)
        for percentile, simulated, found in zip(PERCENTILES, said, np.percentile(real, (50, 95, 99)), strict=True):
            ratio = float(simulated / found)
            cells = (in_digits(value) for value in (float(simulated), float(found), ratio))
            rows.append((f"{name}, {percentile}", *cells))
            if percentile in JUDGED:
                off.append(abs(ratio - 1))
    grid = Grid("latency in s", ("", "simulated", "measured", "ratio"), rows)
    figures = [Judged("furthest from the measured, p50 and p95", "of it", max(off), Bound(at_most=FURTHEST))]
    return grid, figures, {"times": times.as_dict(), "photos": {"burst": at_once, "one by one": one_by_one}}


def _real(site: Site, pictures: Sequence[Path], at: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """When each job was submitted (seconds since the first), and its seconds from there to success."""
    container = site.fill(pictures)
    outcomes = Outcomes(site.workers)
    ids = _one_by_one(site, container, pictures, at) if at.any() else site.ask_for_all(container, "image")
    outcomes.wait(len(pictures), WITHIN_S)
    records = [requests.get(f"{site.stack.service_url}/jobs/{job_id}", timeout=60).json()["times"] for job_id in ids]
    created, finished = (
        np.array([datetime.fromisoformat(times[name]).timestamp() for times in records])
        for name in ("created", "finished")
    )
    return list(created - created.min()), list(finished - created)


def _one_by_one(site: Site, container: str, pictures: Sequence[Path], at: NDArray[np.float64]) -> list[str]:
    url = f"{site.stack.service_url}/analyse/image/wild/{container}"
    ids = []
    began = time.monotonic()
    for picture, due in zip(pictures, at, strict=True):
        time.sleep(max(0.0, began + due - time.monotonic()))
        answer = requests.post(url, params={"blob": picture.name}, timeout=60)
        answer.raise_for_status()
        ids.append(str(answer.json()["jobs"][0]["id"]))
    return ids


if __name__ == "__main__":
    main()
