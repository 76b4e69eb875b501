"""`python -m benchmarks.interactive`: faces at once, `/api/detect` and `/api/analyse-image`, under load.

A 640x480 JPEG with one face, without tiles (`upsample=0`), from a load generator that is a process of its own on the
same machine and shares its processors. Closed loops say how much is answered at most; the open loop offers a fixed
rate, and counts each answer's time from the moment at which its request was due.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
import cv2

from benchmarks.bound import Bound
from benchmarks.burst import NO_LIMIT
from benchmarks.grid import Grid
from benchmarks.judged import Judged, in_digits, show_and_write
from benchmarks.load import Load, picture_asks, run
from benchmarks.processes import cpu_seconds
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT

DETECT, ANALYSE = "/api/detect?upsample=0", "/api/analyse-image?upsample=0"
SIZE = (640, 480)
CONNECTIONS = (1, 2, 4, 8)
# Concurrent requests of an open loop; a request that waits for a connection waits in its own time.
OPEN_CONNECTIONS = 16
RATE = 30.0
A_SECOND_AT_LEAST, A_MINUTE_AT_LEAST = 30, 600
P50_MS_AT_MOST, P99_MS_AT_MOST = 50, 150
# A rate is kept if hardly anything is left undone at the end.
KEPT_SHARE = 0.98
WARM_UPS = 80
WITHIN_S = 600.0


@click.command()
@click.option(
    "--requests", "count", type=click.IntRange(2), default=400, show_default=True, help="Of each closed loop."
)
@click.option("--open-s", type=click.FloatRange(0.5), default=30.0, show_default=True, help="Length of an open loop.")
@click.option("--rate", type=click.FloatRange(1), default=RATE, show_default=True, help="Offered to it, a second.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(count: int, open_s: float, rate: float, json_file: Path | None) -> None:
    """Measure the interactive answers: how many, and how soon."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with (
            console.status("starting") as status,
            scratch_folder() as folder,
            running_site(NO_LIMIT, workers=0) as site,
        ):
            loads = measured(site, detect_picture(folder / "face.jpg"), count, rate, open_s, status.update)
        show_and_write(console, json_file, "interactive", facts, figures_of(loads, rate), [_grid(loads)], loads=loads)

    run_benchmark(console, measure)


def measured(
    site: Site, picture: Path, count: int, rate: float, open_s: float, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """All loads of both routes."""
    loads = []
    for path in (DETECT, ANALYSE):
        say(f"{path}: warming up")
        _closed(site, path, picture, max(CONNECTIONS), min(WARM_UPS, 2 * count))
        for connections in CONNECTIONS:
            say(f"{path}: {connections} connections")
            loads.append(_closed(site, path, picture, connections, count))
        say(f"{path}: {rate:g} a second")
        loads.append(_open(site, path, picture, rate, max(2, round(open_s * rate))))
    return loads


def detect_picture(file: Path) -> Path:
    """The portrait, its upper part in 640x480."""
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    wide = cv2.resize(portrait, (SIZE[0], SIZE[0] * portrait.shape[0] // portrait.shape[1]))
    cv2.imwrite(str(file), wide[: SIZE[1]], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return file


def _closed(site: Site, path: str, picture: Path, connections: int, count: int) -> dict[str, Any]:
    load = Load(site.stack.service_url, picture_asks(path, picture, count), connections)
    return {"path": path, "loop": "closed", "connections": connections, "rate": None, **_figures(site, load)}


def _open(site: Site, path: str, picture: Path, rate: float, count: int) -> dict[str, Any]:
    load = Load(site.stack.service_url, picture_asks(path, picture, count), OPEN_CONNECTIONS, rate)
    return {"path": path, "loop": "open", "connections": OPEN_CONNECTIONS, "rate": rate, **_figures(site, load)}


def _figures(site: Site, load: Load) -> dict[str, Any]:
    """The load's figures, with the processor time that an answer takes, which other load distorts least."""
    before = cpu_seconds([site.stack.web])
    told = run(load, WITHIN_S).as_dict(HTTPStatus.OK)
    cpu_ms = 1000 * (cpu_seconds([site.stack.web]) - before) / len(load.asks)
    return told | {"cpu_ms": cpu_ms}


def figures_of(loads: list[dict[str, Any]], rate: float) -> list[Judged]:
    """Beside their aims."""
    detect = [load for load in loads if load["path"] == DETECT]
    most = max(load["a_second"] for load in detect if load["loop"] == "closed")
    offered = next(load for load in detect if load["loop"] == "open")
    at = f"/api/detect, {rate:g} a second offered"
    aims = [
        Judged("/api/detect, the most of the closed loops", "a second", most, Bound(at_least=A_SECOND_AT_LEAST)),
        Judged(f"{at}, answered", "of all", offered["answered"] / offered["requests"], Bound(at_least=KEPT_SHARE)),
        Judged(f"{at}, p50", "ms", offered["p50_ms"], Bound(at_most=P50_MS_AT_MOST)),
        Judged(f"{at}, p99", "ms", offered["p99_ms"], Bound(at_most=P99_MS_AT_MOST)),
        Judged(f"{at}, answered", "a minute", 60 * offered["a_second"], Bound(at_least=A_MINUTE_AT_LEAST)),
    ]
    analysed = max(load["a_second"] for load in loads if load["path"] == ANALYSE and load["loop"] == "closed")
    cpu_ms = min(load["cpu_ms"] for load in detect)
    return [
        *aims,
        Judged("/api/detect, processor time of an answer, the least", "ms", cpu_ms),
        Judged("/api/analyse-image, the most of the closed loops", "a second", analysed),
    ]


def _grid(loads: list[dict[str, Any]]) -> Grid:
    rows = []
    for load in loads:
        kind = f"{load['rate']:g} a second" if load["rate"] else "closed"
        statuses = {status: n for status, n in load["statuses"].items() if status != str(int(HTTPStatus.OK))}
        answered = f"{load['answered']}" + (f" {statuses}" if statuses else "")
        times = [in_digits(load[name]) for name in ("a_second", "p50_ms", "p95_ms", "p99_ms", "max_ms", "cpu_ms")]
        where = load["path"].split("?")[0].removeprefix("/api/")
        rows.append((where, kind, str(load["connections"]), answered, *times))
    return Grid(
        f"faces at once, {SIZE[0]}x{SIZE[1]} JPEG; times in ms",
        ("", "loop", "at once", "answered", "a second", "p50", "p95", "p99", "longest", "CPU"),
        rows,
    )


if __name__ == "__main__":
    main()
