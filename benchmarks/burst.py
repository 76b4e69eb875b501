"""`python -m benchmarks.burst`: many requests for an analysis at once, as when a folder of uploads arrives.

The web server and storage alone: no worker runs meanwhile, and the load generator is a process of its own on the same
machine, with connections that are kept. Every request is for another blob, so that each makes a job. Then one request
is for a whole container of as many blobs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.load import Ask, Load, run
from benchmarks.processes import cpu_seconds
from benchmarks.site import Site, run_benchmark, running_site
from benchmarks.told import machine, machine_line, new_console

A_SECOND_AT_LEAST = 100
P99_MS_AT_MOST = 250
WEB_CPU_MS_AT_MOST, WEB_CPU_MS_OF_CONTAINER_AT_MOST = 8, 0.5
WITHIN_S = 300.0
WARM_UPS = 64
# Nothing looks into these blobs: the service asks storage for their names and sizes alone.
CONTENT = b"not looked into"
UPLOADS_AT_ONCE = 8
NO_LIMIT = {"RATE_LIMIT_PER_MINUTE": "0"}


@click.command()
@click.option("--requests", "count", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--connections", type=click.IntRange(1), default=16, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Bursts; all of them count.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(count: int, connections: int, rounds: int, json_file: Path | None) -> None:
    """Measure how fast a burst of requests is accepted."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        told = []
        with console.status("") as status:
            for number in range(rounds):
                status.update(f"burst {number + 1} of {rounds}")
                # Each on a stack of its own: the emulator's calls grow dearer with all that it has ever been given.
                with running_site(NO_LIMIT, workers=0) as site:
                    send_burst(site, WARM_UPS, connections)
                    told.append(send_burst(site, count, connections) | send_container(site, count))
        of: dict[str, Any] = {"requests": count, "connections": connections, "bursts": told}
        show_and_write(console, json_file, "burst", facts, figures_of(told), **of)

    run_benchmark(console, measure)


def send_burst(site: Site, count: int, connections: int) -> dict[str, Any]:
    """One burst, each request for a blob of its own, and the processor time that it took."""
    container, names = _uploaded(site, count)
    asks = [Ask("POST", f"/analyse/image/wild/{container}?blob={name}") for name in names]
    before = _cpu_seconds(site)
    told = run(Load(site.stack.service_url, asks, connections), WITHIN_S).as_dict(HTTPStatus.ACCEPTED)
    return told | {f"{name}_cpu_ms": ms for name, ms in _ms_each(site, before, count).items()}


def send_container(site: Site, count: int) -> dict[str, float]:
    """One request for a whole container, and the processor time of each job that it made."""
    container, _ = _uploaded(site, count)
    before = _cpu_seconds(site)
    jobs = len(site.ask_for_all(container, "image"))
    return {f"container_{name}_cpu_ms": ms for name, ms in _ms_each(site, before, jobs).items()}


def _uploaded(site: Site, count: int) -> tuple[str, list[str]]:
    """Fill a new container; return its name and those of its blobs."""
    container = str(uuid.uuid4())
    client = site.storage.create_container(container)
    names = [f"photo-{number:04d}.jpg" for number in range(count)]
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda name: client.upload_blob(name, CONTENT), names))
    return container, names


def _cpu_seconds(site: Site) -> dict[str, float]:
    parts = {"web": site.stack.web, "storage": site.stack.azurite.part}
    return {name: cpu_seconds([part]) for name, part in parts.items()}


def _ms_each(site: Site, before: dict[str, float], count: int) -> dict[str, float]:
    return {name: 1000 * (seconds - before[name]) / count for name, seconds in _cpu_seconds(site).items()}


def figures_of(told: Sequence[dict[str, Any]]) -> list[Judged]:
    """The worst burst is held to the aims: each of them is somebody's."""
    return [
        Judged(
            "accepted, the slowest burst",
            "a second",
            _least(each["a_second"] for each in told),
            Bound(at_least=A_SECOND_AT_LEAST),
        ),
        Judged(
            "p99, the slowest burst", "ms", _most(each["p99_ms"] for each in told), Bound(at_most=P99_MS_AT_MOST)
        ),
        Judged("p50, the slowest burst", "ms", _most(each["p50_ms"] for each in told)),
        Judged(
            "processor time of web for a request", "ms", _least(each["web_cpu_ms"] for each in told),
            Bound(at_most=WEB_CPU_MS_AT_MOST),
        ),
        Judged("processor time of storage for it", "ms", _least(each["storage_cpu_ms"] for each in told)),
        Judged(
            "processor time of web for a job of a whole container", "ms",
            _least(each["container_web_cpu_ms"] for each in told), Bound(at_most=WEB_CPU_MS_OF_CONTAINER_AT_MOST),
        ),
        Judged(
            "processor time of storage for that", "ms", _least(each["container_storage_cpu_ms"] for each in told)
        ),
        Judged("longest", "ms", _most(each["max_ms"] for each in told)),
        Judged(
            "not accepted", "requests", sum(each["requests"] - each["answered"] for each in told),
            Bound(at_most=0),
        ),
    ]  # fmt: skip


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


if __name__ == "__main__":
    main()
