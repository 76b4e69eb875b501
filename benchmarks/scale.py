"""`python -m benchmarks.scale`: one worker and two, of one engine process and one processor each, on the same queue.

The queue is filled while the workers are frozen; then one of them or both go on, and the time is from that moment to
the last job's end. Once with photos, where storage and the worker's own work take as much of the CPUs as the engine,
and once with clips, where they take next to nothing. What the machine itself can gain is beside it: one bare command
over the same files, and two at once. What a job costs the workers and their engines in processor time is compared as
well: it does not depend on how many processors storage leaves them.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.bare import bare_folders, bare_videos
from benchmarks.bound import Bound
from benchmarks.judged import Judged, show_and_write
from benchmarks.media import clip, photos
from benchmarks.outcomes import Outcomes, frozen
from benchmarks.processes import cpu_seconds
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.stack import REPOSITORY
from service.engine.installed import Engine
from service.jobs.media_kind import Media

SPEED_UP_AT_LEAST = 1.7
AS_GOOD_AT_LEAST = 0.93
WALL_AT_LEAST, WALL_NEEDS_CPUS = 1.85, 4
WORKERS = 2
WITHIN_S = 900.0
CLIP_S = 5
WARM_UPS = 4


@dataclass(frozen=True)
class Case:
    """Media that fill the queue, and the bare command over them by number of processes: its wall seconds."""

    name: str
    media: Media
    files: list[Path]
    bare: Callable[[int], float]


@dataclass(frozen=True)
class Run:
    """One emptying of the queue, and the bare command beside it."""

    case: str
    workers: int
    seconds: float
    cpu_s: float
    bare_s: float
    bare_cpu_s: float
    jobs_by_worker: dict[str, int]


@click.command()
@click.option("--photos", "photo_count", type=click.IntRange(2), default=120, show_default=True)
@click.option("--clips", type=click.IntRange(2), default=8, show_default=True, help=f"Clips of {CLIP_S} s.")
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
            running_site({"ENGINES": "1"}, workers=WORKERS, one_cpu_each=True) as site,
        ):
            cases = cases_of(engine, folder, photo_count, clips)
            runs = measured(site, cases, rounds, status.update)
        console.print(f"jobs of each worker: {[run.jobs_by_worker for run in runs if run.workers > 1]}")
        figures = [figure for case in cases for figure in figures_of(case, runs)]
        of: dict[str, Any] = {"photos": photo_count, "clips": clips, "clip_s": CLIP_S, "rounds": rounds}
        show_and_write(console, json_file, "scale", facts, figures, **of, runs=[vars(run) for run in runs])

    run_benchmark(console, measure)


def cases_of(engine: Engine, folder: Path, photo_count: int, clips: int, clip_s: int = CLIP_S) -> list[Case]:
    """Photos alone, and clips alone."""
    pictures = photos(folder / "photos", photo_count)
    videos = _copies(clip(clip_s), folder / "clips", clips)
    return [
        Case("photos", "image", pictures, partial(bare_folders, engine, pictures, folder)),
        Case("clips", "video", videos, partial(bare_videos, engine, videos)),
    ]


def measured(site: Site, cases: Sequence[Case], rounds: int, say: Callable[[str], None]) -> list[Run]:
    """The queue emptied by one worker and by both, of each case."""
    runs: list[Run] = []
    for case in cases:
        _emptied(site, WORKERS, case, case.files[:WARM_UPS])
        for number in range(rounds):
            # Each goes first every other time.
            for workers in (1, WORKERS) if number % 2 == 0 else (WORKERS, 1):
                say(f"{case.name}, round {number + 1} of {rounds}: workers: {workers}")
                runs.append(_emptied(site, workers, case, case.files))
    return runs


def _copies(file: Path, folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    copies = [folder / f"clip-{number}.mp4" for number in range(count)]
    for copy in copies:
        os.link(file, copy)
    return copies


def _emptied(site: Site, workers: int, case: Case, files: Sequence[Path]) -> Run:
    every = site.workers
    with frozen(every):
        bare_cpu_s = _ended_children_s()
        bare_s = case.bare(workers)
        bare_cpu_s = _ended_children_s() - bare_cpu_s
    with frozen(every[workers:]):
        with frozen(every[:workers]):
            site.ask_for_all(site.fill(files), case.media)
            outcomes = Outcomes(every[:workers])
            cpu_s = cpu_seconds(every[:workers])
        began = time.perf_counter()
        outcomes.wait(len(files), WITHIN_S)
        seconds = time.perf_counter() - began
        cpu_s = cpu_seconds(every[:workers]) - cpu_s
    return Run(case.name, workers, seconds, cpu_s, bare_s, bare_cpu_s, dict(outcomes.succeeded))


def _ended_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures_of(case: Case, runs: Sequence[Run]) -> list[Judged]:
    """Medians over the rounds."""
    one, two = ([run for run in runs if run.case == case.name and run.workers == n] for n in (1, WORKERS))
    speed_up = median(a.seconds / b.seconds for a, b in zip(one, two, strict=True))
    possible = median(a.bare_s / b.bare_s for a, b in zip(one, two, strict=True))
    as_good = median(a.cpu_s / b.cpu_s for a, b in zip(one, two, strict=True))
    bare_as_good = median(a.bare_cpu_s / b.bare_cpu_s for a, b in zip(one, two, strict=True))
    has_room = (os.cpu_count() or 1) >= WALL_NEEDS_CPUS
    figures = [
        Judged(f"{case.name}: speed-up by a second worker", "times", speed_up, Bound(at_least=SPEED_UP_AT_LEAST)),
        Judged(f"{case.name}: the same of bare commands", "times", possible),
        Judged(
            f"{case.name}: jobs a processor-second of two workers to one's", "times", as_good,
            Bound(at_least=AS_GOOD_AT_LEAST),
        ),
        Judged(f"{case.name}: the same of bare commands, processor time", "times", bare_as_good),
        Judged(
            f"{case.name}: speed-up where there are {WALL_NEEDS_CPUS} CPUs or more", "times",
            speed_up if has_room else None, Bound(at_least=WALL_AT_LEAST),
        ),
    ]  # fmt: skip
    for who, of in (("one worker", one), ("two workers", two)):
        seconds = median(run.seconds for run in of)
        figures.append(Judged(f"{case.name}: {who}", "s", seconds))
        figures.append(Judged(f"{case.name}: {who}", "jobs a second", len(case.files) / seconds))
        cpu_s = median(run.cpu_s for run in of)
        figures.append(Judged(f"{case.name}: {who}", "ms of processor time a job", 1000 * cpu_s / len(case.files)))
        figures.append(Judged(f"{case.name}: as many bare commands", "s", median(run.bare_s for run in of)))
    return figures


if __name__ == "__main__":
    main()
