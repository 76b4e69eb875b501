"""`python -m benchmarks.collect`: 1,000 results into one table, beside 100: how fast, and how much memory it takes.

The results are made up: tables of OpenFace's width with numbers as OpenFace writes them, in folders as `analyse` writes
them, a tenth of them videos. The command runs as users run it, in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.media import MIB
from benchmarks.site import run_benchmark, scratch_folder
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, verdict, write_json
from infra.local.stack import REPOSITORY
from service.engine.columns import columns_for
from service.jobs.media_kind import Media

FEWER = 10
"""Factor by which the compared run has fewer results."""
AIM = 1.25
"""Most memory with all results over memory with the fewer ones."""
VIDEO_EVERY = 10
_KIB = 1024


@dataclass(frozen=True)
class Run:
    """One collection."""

    results: int
    rows: int
    read_mib: float
    written_mib: float
    seconds: float
    peak_mib: float


@click.command()
@click.option("--results", type=click.IntRange(20), default=1000, show_default=True)
@click.option("--video-rows", type=click.IntRange(1), default=900, show_default=True, help="Frames of each video.")
@click.option("--to", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(results: int, video_rows: int, to: str, json_file: Path | None) -> None:
    """Measure `collect` on many results and on a tenth of them."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with scratch_folder() as folder, console.status("making results"):
            runs = [measured(folder / f"{count}", count, video_rows, to) for count in (results // FEWER, results)]
        figures = {"benchmark": "collect", "machine": facts, "note": LOAD_DISTORTS, "runs": [vars(run) for run in runs]}
        _show(console, runs)
        write_json(json_file, figures)

    run_benchmark(console, measure)


def measured(folder: Path, count: int, video_rows: int, to: str) -> Run:
    """Make `count` results and collect them in a process of its own."""
    size = make_results(folder, count, video_rows)
    out = folder.with_suffix(f".{to}")
    argv = [sys.executable, "-m", "service", "collect", str(folder), "--out", str(out), "--json"]
    began = time.monotonic()
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        said = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if process.returncode:
        raise click.ClickException(f"collect ended with {process.returncode}")
    shutil.rmtree(folder)
    return Run(count, json.loads(said)["rows"], size / MIB, out.stat().st_size / MIB, seconds, _peak_mib(used))


def make_results(folder: Path, count: int, video_rows: int) -> int:
    """Make folders with a table and a manifest each; returns the tables' bytes. Equal tables are hard links."""
    rows: dict[Media, int] = {"image": 1, "video": video_rows}
    tables = {media: _table(folder.with_name(f"{folder.name}-{media}.csv"), media, rows[media]) for media in rows}
    size = 0
    for number in range(count):
        media: Media = "image" if number % VIDEO_EVERY else "video"
        file, sha256 = tables[media]
        place = folder / f"{number:05}"
        place.mkdir(parents=True)
        os.link(file, place / "t.csv")
        (place / "manifest.json").write_text(json.dumps(_manifest(number, media, rows[media], sha256)))
        size += file.stat().st_size
    return size


def _table(file: Path, media: Media, rows: int) -> tuple[Path, str]:
    """A table of numbers, and its SHA-256."""
    columns = columns_for(media)
    values = np.random.default_rng(1).normal(0, 200, (rows, len(columns)))
    for name, value in (("confidence", 0.98), ("success", 1.0), ("face", 0.0), ("face_id", 0.0)):
        if name in columns:
            values[:, columns.index(name)] = value
    if media == "video":
        values[:, 0] = np.arange(1, rows + 1)
    whole = {"frame", "face_id", "success", "face"}
    with file.open("w") as text:
        text.write(",".join(columns) + "\n")
        for row in values:
            text.write(",".join(_cells(columns, row, whole)) + "\n")
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


def _cells(columns: tuple[str, ...], row: Any, whole: set[str]) -> Iterator[str]:
    for name, value in zip(columns, row, strict=True):
        yield f"{value:.0f}" if name in whole else f"{value:.3f}"


def _manifest(number: int, media: Media, rows: int, sha256: str) -> dict[str, Any]:
    return {
        "job": {
            "id": f"{number:032x}",
            "container": f"c-{number}",
            "blob": f"{number}.x",
            "media": media,
            "media_type": "wild",
            "generation": 0,
        },
        "outcome": "succeeded",
        "media": {"sha256": "0" * 64, "probe": {"width": 640, "height": 480, "frame_rate": 30.0, "duration_s": 1.0}},
        "engine": {"name": "made", "version": "1", "licence_class": "permissive"},
        "frames": {"expected": rows, "written": rows, "success": rows} if media == "video" else None,
        "faces": 1,
        "completeness": {"verdict": "complete", "reason": None},
        "csv": {"name": "t.csv", "sha256": sha256, "rows": rows},
    }


def _peak_mib(used: resource.struct_rusage) -> float:
    # In KiB on Linux, in bytes on macOS.
    return used.ru_maxrss * (_KIB if sys.platform == "linux" else 1) / MIB


def _show(console: Console, runs: list[Run]) -> None:
    table = Table(title="python -m service collect")
    for heading in ("results", "rows", "read, MiB", "written, MiB", "seconds", "peak memory, MiB"):
        table.add_column(heading, justify="right")
    for run in runs:
        sizes = (f"{run.read_mib:.0f}", f"{run.written_mib:.0f}", f"{run.seconds:.1f}", f"{run.peak_mib:.0f}")
        table.add_row(f"{run.results:,}", f"{run.rows:,}", *sizes)
    console.print(table)
    times = runs[1].peak_mib / runs[0].peak_mib
    console.print(
        f"memory with {FEWER} times the results: {times:.2f} times (aim: at most {AIM}): {verdict(times <= AIM)}"
    )
    console.print(LOAD_DISTORTS)


if __name__ == "__main__":
    main()
