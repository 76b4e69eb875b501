"""`python -m benchmarks.reports`: processor time of a report, cold and in the warm child.

The results are the demo's photo and a clip, measured by the installed engine. The time is that of the child, as the
system counts it.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click

from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip
from benchmarks.site import scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT
from infra.local.stack import REPOSITORY
from service.results.report.make import ReportMaker, ReportRequest

AIM_S = 0.3
"""Most processor time of a photo's report in a warm child."""


@click.command()
@click.option("--clip-seconds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--reports", type=click.IntRange(2), default=30, show_default=True, help="Warm reports of each result.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(clip_seconds: int, reports: int, json_file: Path | None) -> None:
    """Measure reports of a photo and of a clip."""
    console, facts = new_console(), machine()
    console.print(machine_line(facts))
    with scratch_folder() as folder, console.status("analysing"):
        results = {
            "photo": _analysed(PORTRAIT, folder),
            f"clip of {clip_seconds} s": _analysed(clip(clip_seconds), folder),
        }
        rows = {name: _measured(request, reports) for name, request in results.items()}
    figures = []
    for result, row in rows.items():
        bound = Bound(at_most=AIM_S) if result == "photo" else None
        figures.append(Judged(f"{result}, warm child, processor time", "s", row["warm_cpu_s"], bound))
        figures.append(Judged(f"{result}, warm child, elapsed", "s", row["warm_s"]))
        figures.append(Judged(f"{result}, first report, processor time", "s", row["cold_cpu_s"]))
    show_and_write(console, json_file, "reports", facts, figures)


def _analysed(media: Path, folder: Path) -> ReportRequest:
    """Analyse a file by the command, and name its result."""
    argv = [sys.executable, "-m", "service", "analyse", str(media), "--out", str(folder)]
    subprocess.run(argv, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    place = folder / media.name
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    return ReportRequest(place / manifest["csv"]["name"], manifest, media)


def _measured(request: ReportRequest, reports: int) -> dict[str, float]:
    """Make one report in one child, and more in another: the difference is that of warm ones."""
    cold = _processor_seconds(request, 1)
    times = []
    before = _children_cpu_s()
    with closing(ReportMaker([request.csv, *([request.upload] if request.upload else [])])) as maker:
        for _ in range(reports + 1):
            began = time.perf_counter()
            maker.make(request)
            times.append(time.perf_counter() - began)
    warm = (_children_cpu_s() - before - cold) / reports
    return {"cold_cpu_s": cold, "warm_cpu_s": warm, "warm_s": statistics.median(times[1:])}


def _processor_seconds(request: ReportRequest, reports: int) -> float:
    before = _children_cpu_s()
    with closing(ReportMaker([request.csv, *([request.upload] if request.upload else [])])) as maker:
        for _ in range(reports):
            maker.make(request)
    return _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
