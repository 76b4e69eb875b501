"""`python -m benchmarks.photos`: many photos through the pipeline, against the bare command and the simple service.

What is compared, all with the same engine and options:

- one bare `FaceLandmarkImg -fdir` over a folder: models loaded once, one process;
- as many such processes as there are CPUs, each over its part: the best that this machine can do;
- the simple service (`baseline_service`): one process a photo under four gunicorn workers;
- the pipeline: from one request for the whole upload until every job has succeeded.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.bare import bare_folders, environment
from benchmarks.media import photos as make_photos
from benchmarks.outcomes import Outcomes
from benchmarks.processes import cpu_seconds, cpu_seconds_by_generation
from benchmarks.site import BENCH_FOLDER, RESULTS_CONTAINER, Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, verdict, write_json
from infra.local.loopback import HOST, free_ports, http_status
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY
from service.engine.installed import Engine

RATIO_AT_MOST = 1.0
CPU_RATIO_AT_MOST = 1.2
WORKER, ENGINES = "worker itself", "decoders and engines"
SHARE_AT_LEAST = 0.8
BASELINE_WORKERS = 4
WARM_UPS = 8
WITHIN_S = 900.0


@click.command()
@click.option("--photos", type=click.IntRange(2), default=200, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="All of it so often; best counts.")
@click.option("--no-baseline", is_flag=True, help="Leave the simple service out.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(photos: int, rounds: int, no_baseline: bool, json_file: Path | None) -> None:
    """Measure many photos through the pipeline."""
    console = new_console()
    engine = Engine.find(REPOSITORY / "openface_lite" / "bin")

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status, scratch_folder() as folder, running_site() as site:
            files = make_photos(folder / "photos", photos)
            cpu_by_round: list[dict[str, float]] = []
            bare_cpu_ms: list[float] = []
            acts: dict[str, Callable[[], float]] = {
                "bare": partial(_bare, engine, files, folder, bare_cpu_ms),
                "best": partial(bare_folders, engine, files, folder, os.cpu_count() or 1),
                "baseline": partial(_baseline, site, engine, files),
                "pipeline": partial(_pipeline, site, files, cpu_by_round),
            }
            if no_baseline:
                del acts["baseline"]
            measured: dict[str, list[float]] = {}
            for number in range(rounds):
                for name, act in acts.items():
                    status.update(f"round {number + 1} of {rounds}: {name}")
                    measured.setdefault(name, []).append(act())
        figures = _figures(photos, {name: min(seconds) for name, seconds in measured.items()})
        pipeline = measured["pipeline"]
        figures["cpu_ms_a_photo"] = cpu_by_round[pipeline.index(min(pipeline))]
        figures |= _cpu_figures(figures["cpu_ms_a_photo"], min(bare_cpu_ms))
        _show(console, figures)
        write_json(json_file, {"benchmark": "photos", "machine": facts, "note": LOAD_DISTORTS, **figures})

    run_benchmark(console, measure)


def _bare(engine: Engine, files: list[Path], folder: Path, cpu_ms: list[float]) -> float:
    """Wall seconds of one bare process; its processor time for a photo in ms goes into `cpu_ms`."""
    before = _ended_children_s()
    seconds = bare_folders(engine, files, folder, 1)
    cpu_ms.append(1000 * (_ended_children_s() - before) / len(files))
    return seconds


def _ended_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pipeline(site: Site, files: list[Path], cpu_by_round: list[dict[str, float]]) -> float:
    _through(site, files[:WARM_UPS])
    seconds, cpu_ms = _through(site, files)
    cpu_by_round.append(cpu_ms)
    return seconds


def _through(site: Site, files: list[Path]) -> tuple[float, dict[str, float]]:
    """Wall seconds, and the processor time of each part for a photo, in ms."""
    container = site.fill(files)
    outcomes = Outcomes(site.workers)
    stack = site.stack

    def used() -> dict[str, float]:
        own, children = cpu_seconds_by_generation(stack.worker(0))
        others = {"web": cpu_seconds([stack.web]), "storage": cpu_seconds([stack.azurite.part])}
        return {WORKER: own, ENGINES: children, **others}

    before = used()
    began = time.perf_counter()
    site.ask_for_all(container, "image")
    outcomes.wait(len(files), WITHIN_S)
    seconds = time.perf_counter() - began
    return seconds, {name: 1000 * (after - before[name]) / len(files) for name, after in used().items()}


def _baseline(site: Site, engine: Engine, files: list[Path]) -> float:
    [port] = free_ports(1)
    environ = environment(str(BENCH_FOLDER)) | {
        "AZURE_STORAGE_CONNECTION_STRING": site.stack.connection_string,
        "OPENFACE_BIN_DIR": str(engine.bin_dir),
        "RESULTS_CONTAINER": RESULTS_CONTAINER,
    }
    argv = [sys.executable, "-m", "gunicorn", "-w", str(BASELINE_WORKERS), "-b", f"{HOST}:{port}", "--timeout", "120"]
    server = subprocess.Popen(
        [*argv, "benchmarks.baseline_service:app"],
        cwd=REPOSITORY,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _asked(site, f"http://{HOST}:{port}", files)
    finally:
        server.terminate()
        server.wait()


def _asked(site: Site, url: str, files: list[Path]) -> float:
    container = site.fill(files)
    deadline = time.monotonic() + 30
    while http_status(f"{url}/") is None:
        if time.monotonic() > deadline:
            raise PartFailed("the simple service", "does not answer", "")
        time.sleep(0.1)

    def ask(file: Path) -> None:
        requests.get(f"{url}/analyse/image/wild/{container}/{file.name}", timeout=300).raise_for_status()

    with ThreadPoolExecutor(2 * BASELINE_WORKERS) as pool:
        list(pool.map(ask, files[:WARM_UPS]))
        began = time.perf_counter()
        list(pool.map(ask, files))
        return time.perf_counter() - began


def _figures(photos: int, seconds: dict[str, float]) -> dict[str, Any]:
    ratio = seconds["pipeline"] / seconds["bare"]
    figures: dict[str, Any] = {
        "photos": photos,
        "seconds": seconds,
        "ratio_to_bare": ratio,
        "ratio_aim": RATIO_AT_MOST,
        "ratio_met": ratio <= RATIO_AT_MOST,
    }
    if "baseline" in seconds:
        best, reached = seconds["baseline"] / seconds["best"], seconds["baseline"] / seconds["pipeline"]
        figures |= {
            "speed_up_best": best,
            "speed_up": reached,
            "share": reached / best,
            "share_aim": SHARE_AT_LEAST,
            "share_met": reached / best >= SHARE_AT_LEAST,
        }
    return figures


def _cpu_figures(cpu_ms: dict[str, float], bare_cpu_ms: float) -> dict[str, Any]:
    ratio = (cpu_ms[WORKER] + cpu_ms[ENGINES]) / bare_cpu_ms
    return {
        "bare_cpu_ms_a_photo": bare_cpu_ms,
        "cpu_ratio": ratio,
        "cpu_ratio_aim": CPU_RATIO_AT_MOST,
        "cpu_ratio_met": ratio <= CPU_RATIO_AT_MOST,
    }


def _show(console: Console, figures: dict[str, Any]) -> None:
    photos, seconds = figures["photos"], figures["seconds"]
    table = Table(title=f"{photos} photos")
    for heading in ("", "seconds", "ms a photo", "photos a second"):
        table.add_column(heading, justify="left" if not heading else "right")
    names = {
        "bare": "one bare process",
        "best": "a bare process for each CPU",
        "baseline": "the simple service",
        "pipeline": "the pipeline",
    }
    for key, name in names.items():
        if key in seconds:
            took = seconds[key]
            table.add_row(name, f"{took:.2f}", f"{took / photos * 1000:.0f}", f"{photos / took:.1f}")
    console.print(table)
    console.print(
        f"pipeline to one bare process: {figures['ratio_to_bare']:.2f}, "
        f"aim at most {RATIO_AT_MOST}: {verdict(figures['ratio_met'])}"
    )
    if "share" in figures:
        console.print(
            f"speed-up over the simple service: {figures['speed_up']:.2f} of at best {figures['speed_up_best']:.2f}, "
            f"a share of {figures['share']:.2f}, aim at least {SHARE_AT_LEAST}: {verdict(figures['share_met'])}"
        )
    told = ", ".join(f"{name} {ms:.1f}" for name, ms in figures["cpu_ms_a_photo"].items())
    console.print(f"processor time of the pipeline in ms a photo, all on these CPUs: {told}")
    console.print(
        f"processor time of worker, children and engines to one bare process ({figures['bare_cpu_ms_a_photo']:.1f} ms "
        f"a photo): {figures['cpu_ratio']:.2f}, aim at most {CPU_RATIO_AT_MOST}: {verdict(figures['cpu_ratio_met'])}"
    )
    console.print(LOAD_DISTORTS)


if __name__ == "__main__":
    main()
