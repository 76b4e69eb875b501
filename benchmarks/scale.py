"""`python -m benchmarks.scale`: one worker and two, of one engine process each, on the same queue.

The queue is filled while the workers are frozen; then one of them or both go on, and the time is from that moment to
the last job's end. What the machine itself can gain is beside it: one bare command over the photos, and two at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.bare import bare_folders
from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip, photos
from benchmarks.outcomes import Outcomes, frozen
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.stack import REPOSITORY
from service.openface.probe import Engine

SPEED_UP_AT_LEAST = 1.7
WORKERS = 2
WITHIN_S = 900.0
CLIP_S = 2
WARM_UPS = 4


@dataclass(frozen=True)
class Run:
    """One emptying of the queue."""

    workers: int
    seconds: float
    jobs_by_worker: dict[str, int]


@click.command()
@click.option("--photos", "photo_count", type=click.IntRange(2), default=120, show_default=True)
@click.option("--clips", type=click.IntRange(0), default=4, show_default=True, help=f"Clips of {CLIP_S} s.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Times each; medians count.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(photo_count: int, clips: int, rounds: int, json_file: Path | None) -> None:
    """Measure what a second worker gains."""
    console = new_console()
    engine = Engine.find(REPOSITORY / "openface_lite" / "bin")

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with (
            console.status("starting") as status,
            scratch_folder() as folder,
            running_site({"ENGINES": "1"}, workers=WORKERS) as site,
        ):
            runs, bare = measured(site, engine, folder, photo_count, clips, rounds, status.update)
        figures = figures_of(photo_count + clips, runs, bare)
        console.print(f"jobs of each worker: {[run.jobs_by_worker for run in runs if run.workers > 1]}")
        of: dict[str, Any] = {"photos": photo_count, "clips": clips, "clip_s": CLIP_S, "rounds": rounds}
        show_and_write(console, json_file, "scale", facts, figures, **of, runs=[vars(run) for run in runs])

    run_benchmark(console, measure)


def measured(
    site: Site, engine: Engine, folder: Path, photo_count: int, clips: int, rounds: int, say: Callable[[str], None]
) -> tuple[list[Run], dict[int, list[float]]]:
    """The queue emptied by one worker and by both; seconds of one and of two bare commands over the photos."""
    pictures = photos(folder / "photos", photo_count)
    videos = _copies(clip(CLIP_S), folder / "clips", clips)
    runs: list[Run] = []
    bare: dict[int, list[float]] = {1: [], WORKERS: []}
    _emptied(site, WORKERS, pictures[:WARM_UPS], [])
    for number in range(rounds):
        # Each goes first every other time.
        for workers in (1, WORKERS) if number % 2 == 0 else (WORKERS, 1):
            say(f"round {number + 1} of {rounds}: workers: {workers}")
            runs.append(_emptied(site, workers, pictures, videos))
            say(f"round {number + 1} of {rounds}: bare commands: {workers}")
            bare[workers].append(bare_folders(engine, pictures, folder, workers))
    return runs, bare


def _copies(file: Path, folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    copies = [folder / f"clip-{number}.mp4" for number in range(count)]
    for copy in copies:
        os.link(file, copy)
    return copies


def _emptied(site: Site, workers: int, pictures: Sequence[Path], videos: Sequence[Path]) -> Run:
    every = site.workers
    with frozen(every[workers:]):
        with frozen(every[:workers]):
            # Clips first: one that is left for the end would keep one worker busy while the other has nothing.
            if videos:
                site.ask_for_all(site.fill(videos), "video")
            site.ask_for_all(site.fill(pictures), "image")
            outcomes = Outcomes(every[:workers])
        began = time.perf_counter()
        outcomes.wait(len(pictures) + len(videos), WITHIN_S)
        seconds = time.perf_counter() - began
    return Run(workers, seconds, dict(outcomes.succeeded))


def figures_of(jobs: int, runs: Sequence[Run], bare: dict[int, list[float]]) -> list[Judged]:
    """Medians over the rounds."""
    seconds: dict[int, Any] = {n: [run.seconds for run in runs if run.workers == n] for n in (1, WORKERS)}
    speed_up = median(one / two for one, two in zip(seconds[1], seconds[WORKERS], strict=True))
    possible = median(one / two for one, two in zip(bare[1], bare[WORKERS], strict=True))
    return [
        Judged("speed-up by a second worker", "times", speed_up, Bound(at_least=SPEED_UP_AT_LEAST)),
        Judged("the same of bare commands over the photos", "times", possible),
        Judged("one worker", "s", median(seconds[1])),
        Judged("two workers", "s", median(seconds[WORKERS])),
        Judged("one worker", "jobs a second", jobs / median(seconds[1])),
        Judged("two workers", "jobs a second", jobs / median(seconds[WORKERS])),
        Judged("one bare command, photos alone", "s", median(bare[1])),
        Judged("two bare commands, photos alone", "s", median(bare[WORKERS])),
    ]


if __name__ == "__main__":
    main()
