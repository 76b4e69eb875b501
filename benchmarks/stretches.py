"""`python -m benchmarks.stretches`: one video on one processor and on all, and beside tracking in a single pass.

The analyser's command measures a video in stretches, side by side. Its table must not depend on how many processes do
it, and its numbers hardly on there being stretches at all.
"""

from __future__ import annotations

import csv
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.bare import environment
from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip
from benchmarks.site import run_benchmark, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY
from openface_lite import action_units, videos
from openface_lite.track import FaceTracker
from service.engine.command import EngineTask, arguments
from service.engine.installed import Engine

SPEED_UP_OF_TWO = 1.8
PIXELS, INTENSITY = 0.1, 0.05
STEM = "clip"

Columns = dict[str, NDArray[np.float64]]


@click.command()
@click.option("--seconds", type=click.IntRange(11), default=60, show_default=True, help="Length of the clip.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(seconds: int, json_file: Path | None) -> None:
    """Measure one video on one processor and on all of them."""
    console = new_console()
    engine = Engine.find(REPOSITORY / "openface_lite" / "bin")

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        counts = sorted({1, len(os.sched_getaffinity(0))})
        with console.status("measuring"), scratch_folder() as folder:
            video = clip(seconds)
            took = {count: _extract(engine, video, folder / str(count), count) for count in counts}
            tables = [(folder / str(count) / f"{STEM}.csv").read_bytes() for count in counts]
            pixels, intensity = _beside_one_pass(video, _columns(folder / str(counts[-1]) / f"{STEM}.csv"))
        figures = [Judged(f"{count} processors", "s", wall) for count, wall in took.items()]
        if len(counts) > 1:
            bound = Bound(at_least=SPEED_UP_OF_TWO) if counts[-1] == 2 else None
            figures.append(Judged("speed-up", "times", took[1] / took[counts[-1]], bound))
        figures += [
            Judged("rows that differ between them", "", _different_rows(tables), Bound(at_most=0)),
            Judged("landmarks beside one pass, mean difference", "px", pixels, Bound(at_most=PIXELS)),
            Judged("intensities beside one pass, mean difference", "", intensity, Bound(at_most=INTENSITY)),
        ]
        show_and_write(console, json_file, "stretches", facts, figures)

    run_benchmark(console, measure)


def _extract(engine: Engine, video: Path, folder: Path, processors: int) -> float:
    """Wall seconds of the bare command on this number of processors. Raises PartFailed."""
    folder.mkdir()
    argv = arguments(engine, EngineTask.resolve("video", "wild"), [video.resolve()], folder, [STEM])
    with _bound_to(processors):
        began = time.perf_counter()
        done = subprocess.run(
            argv, cwd=folder, env=environment(str(folder)), capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
    if done.returncode or not (folder / f"{STEM}.csv").is_file():
        raise PartFailed("the bare command", f"exited with {done.returncode} and no table", done.stderr)
    return seconds


@contextmanager
def _bound_to(processors: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:processors])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _different_rows(tables: list[bytes]) -> int:
    first, *others = [table.splitlines() for table in tables]
    return sum(one != other for rows in others for one, other in zip(first, rows, strict=True))


def _columns(table: Path) -> Columns:
    with table.open(newline="") as file:
        names, *rows = csv.reader(file)
    values = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    return {name.strip(): values[:, place] for place, name in enumerate(names)}


def _beside_one_pass(video: Path, table: Columns) -> tuple[float, float]:
    """Mean differences of landmarks in px and of intensities, over the frames with a face in both."""
    tracker = FaceTracker(thorough=True)
    points, measures, times_s = [], [], []
    for frame in videos.open_video(video).frames:
        face = tracker.step(frame.picture)
        points.append(face.landmarks_2d if face else np.full((68, 2), np.nan))
        measures.append(face.au_measures if face else action_units.NOT_MEASURED)
        times_s.append(frame.time_s)
    places = np.array([[table[f"x_{number}"], table[f"y_{number}"]] for number in range(68)]).transpose(2, 0, 1)
    units = action_units.clip_units(np.array(measures), np.array(times_s), static=False).intensities
    written = np.array([table[name] for name in action_units.INTENSITIES]).T
    return float(np.nanmean(np.abs(places - points))), float(np.nanmean(np.abs(written - units)))


if __name__ == "__main__":
    main()
