"""`python -m benchmarks.engine`: how fast the embedded analyser is, how soon it answers, and what memory it takes.

Every run is a process of its own; the kinds take turns, so that what slows the machine down slows all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.bound import NOT_MEASURED, Bound
from benchmarks.engine_media import MOST_FACES, SIZES, clip, faces
from benchmarks.site import run_benchmark
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from infra.local.demo import PORTRAIT
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY
from service.engine.installed import Engine

BIN_DIR = REPOSITORY / "openface_lite" / "bin"
CORES = (1, 2)
FRAMES_A_SECOND = "frames a second"
ROWS = 1000
_TIME_LIMIT_S = 600.0
_MEGABYTE = 1_000_000

HOW_TO_READ = """\
video     FeatureExtraction on a drawn clip with grain, whose one face never leaves; decoding and
          writing the table included, models loaded before
photo     the 512x512 portrait as a file, decoding included, models loaded before; one core
a face    what each further face of a picture of the same size (BMP) adds
a row     the text of a row of a video's table, all columns, once its face is measured
start     from starting the process to its end with the first photo's result, less what an
          interpreter that does nothing takes
loading   the first photo less the same photo again: reading and preparing the models
peak      the most memory that a run held (VmHWM), `all`: of all runs; MB are millions of bytes
CPU       time of all threads, which other load on the machine distorts least
best      of the runs; aims are held to the median
"""


AIMS = {
    "video 480p, 1 core": Bound(at_least=170),
    "video 1080p, 1 core": Bound(at_least=60),
    "photo, with tiles": Bound(at_most=60),
    "a row, CPU": Bound(at_most=0.15),
    "start of the command": Bound(at_most=0.25),
    "peak, all": Bound(at_most=250),
}


@dataclass(frozen=True)
class Figure:
    """A median over runs; None where nothing could be measured."""

    what: str
    unit: str
    runs: Sequence[float]

    @property
    def value(self) -> float | None:
        return median(self.runs) if self.runs else None

    @property
    def best(self) -> float | None:
        """What the machine can do when nothing else runs comes nearer to this; aims are held to the median."""
        if not self.runs:
            return None
        return max(self.runs) if self.unit == FRAMES_A_SECOND else min(self.runs)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        aim = AIMS.get(self.what)
        judged = {"aim": asdict(aim), "verdict": aim.verdict(self.value)} if aim else {"aim": None, "verdict": None}
        figure = {"what": self.what, "unit": self.unit, "value": self.value, "best": self.best}
        return {**figure, **judged, "runs": list(self.runs)}


Run = Mapping[str, Any]


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs of each kind.")
@click.option("--frames", type=click.IntRange(2), default=300, show_default=True, help="Frames of the clips.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Times a photo in each run.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(rounds: int, frames: int, repeats: int, json_file: Path | None) -> None:
    """Measure the embedded analyser on this machine: speed, start and memory."""
    console = new_console()
    if not hasattr(os, "sched_setaffinity"):
        raise click.ClickException("this binds processes to CPUs, which only Linux does")
    engine = Engine.find(BIN_DIR)

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("making the clips") as status:
            runs = _run_all(_kinds(frames, repeats), rounds, status.update)
        told = [figure.as_dict() for figure in figures(runs)]
        _show(console, told)
        named = {"name": engine.name, "version": engine.version}
        write_json(
            json_file,
            {
                "benchmark": "engine",
                "machine": facts,
                "note": LOAD_DISTORTS,
                "engine": named,
                "settings": {"rounds": rounds, "frames": frames, "repeats": repeats},
                "figures": told,
            },
        )

    run_benchmark(console, measure)


def figures(runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    """All figures of all runs, by kind of run; a kind that could not be run has none."""
    found = []
    for name in (f"video {lines}p, {_cores(cores)}" for cores in CORES for lines in SIZES):
        found.append(Figure(name, FRAMES_A_SECOND, [run["frames"] / run["seconds"] for run in runs[name]]))
    for name in (f"video {lines}p, {_cores(1)}" for lines in SIZES):
        found.append(Figure(f"{name}, CPU", "ms a frame", [1000 * run["cpu_s"] / run["frames"] for run in runs[name]]))
    for name in ("photo, with tiles", "photo, without tiles"):
        found.append(Figure(name, "ms", [1000 * median(run["seconds"]) for run in runs[name]]))
        found.append(Figure(f"{name}, CPU", "ms", [1000 * median(run["cpu_s"]) for run in runs[name]]))
    found.append(Figure("a face", "ms", _ms_a_face(runs["one face"], runs["several faces"])))
    found.append(Figure("a row, CPU", "ms", [1000 * run["cpu_s"] for run in runs["row"]]))
    bare = [run["seconds"] for run in runs["bare interpreter"]]
    for kind, name in {"command": "start of the command", "library": "start of the library"}.items():
        extra = [run["seconds"] - own for run, own in zip(runs[kind], bare, strict=True)]
        found.append(Figure(name, "s beyond the interpreter's", extra))
    found.append(Figure("the interpreter itself", "s", bare))
    found.append(Figure("importing", "s", [run["import_s"] for run in runs["load"]]))
    found.append(Figure("loading the models", "s", [run["first_s"] - run["again_s"] for run in runs["load"]]))
    peaks = {
        kind: [run["peak_bytes"] / _MEGABYTE for run in each if "peak_bytes" in run] for kind, each in runs.items()
    }
    for kind in (*(f"video {lines}p, {_cores(1)}" for lines in SIZES), "photo, with tiles"):
        found.append(Figure(f"peak, {kind}", "MB", peaks[kind]))
    found.append(Figure("peak, all", "MB", [max(peak for each in peaks.values() for peak in each)]))
    return found


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def _ms_a_face(one: Sequence[Run], several: Sequence[Run]) -> list[float]:
    pairs = zip(one, several, strict=True)
    return [1000 * (median(b["seconds"]) - median(a["seconds"])) / (b["faces"] - a["faces"]) for a, b in pairs]


def _kinds(frames: int, repeats: int) -> dict[str, Callable[[], Run]]:
    """Every kind of run, in the order of a round; two cores only where there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    kinds: dict[str, Callable[[], Run]] = {}
    for cores in CORES:
        for lines in SIZES if len(cpus) >= cores else ():
            kinds[f"video {lines}p, {_cores(cores)}"] = _video(clip(lines, frames), frames, cpus[:cores])
    for name, tiles in {"photo, with tiles": True, "photo, without tiles": False}.items():
        kinds[name] = _photo(PORTRAIT, 1, repeats, cpus[:1], tiles)
    kinds["one face"] = _photo(faces(1), 1, repeats, cpus[:1], True)
    kinds["several faces"] = _photo(faces(MOST_FACES), MOST_FACES, repeats, cpus[:1], True)
    row = {"do": "row", "cpus": cpus[:1], "file": str(PORTRAIT), "repeats": ROWS}
    kinds["row"] = lambda: _expect_faces(child_run(row), 1)
    kinds["load"] = lambda: _expect_faces(child_run({"do": "load", "cpus": cpus[:1], "file": str(PORTRAIT)}), 1)
    look = "import sys; from openface_lite import analyse_image; print(len(analyse_image(sys.argv[1])))"
    kinds["bare interpreter"] = lambda: _timed([sys.executable, "-c", "pass"])
    kinds["library"] = lambda: _timed([sys.executable, "-c", look, str(PORTRAIT)])
    kinds["command"] = lambda: _timed([str(BIN_DIR / "FaceLandmarkImg"), "-f", str(PORTRAIT)])
    return kinds


def _video(file: Path, frames: int, cpus: Sequence[int]) -> Callable[[], Run]:
    def run() -> Run:
        request = {"do": "video", "cpus": list(cpus), "file": str(file), "warm_up": str(PORTRAIT)}
        answer = child_run(request)
        if answer["exit_code"] or answer["frames"] != frames:
            raise PartFailed("the analyser", f"wrote {answer['frames']} of {frames} rows of {file.name}", "")
        # A lost face is looked for anew, which is another speed.
        return _expect_faces(answer, frames)

    return run


def _photo(file: Path, count: int, repeats: int, cpus: Sequence[int], tiles: bool) -> Callable[[], Run]:
    request = {"do": "photo", "cpus": list(cpus), "file": str(file), "tiles": tiles, "repeats": repeats}
    return lambda: _expect_faces(child_run(request), count)


def _expect_faces(answer: Run, count: int) -> Run:
    """The answer, if the work was that which was to be timed."""
    if answer["faces"] != count:
        raise PartFailed("the analyser", f"found {answer['faces']} faces where there are {count}", "")
    return answer


def _run_all(
    kinds: Mapping[str, Callable[[], Run]], rounds: int, say: Callable[[str], None]
) -> Mapping[str, Sequence[Run]]:
    """Rounds of all kinds; every other round goes backwards."""
    runs: dict[str, list[Run]] = defaultdict(list)
    names = list(kinds)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            say(f"round {number + 1} of {rounds}: {name}")
            runs[name].append(kinds[name]())
    return runs


def child_run(request: Mapping[str, Any], checkout: Path = REPOSITORY) -> Run:
    """One measurement in a checkout's own `benchmarks.engine_child`. Raises PartFailed."""
    argv = [sys.executable, "-m", "benchmarks.engine_child", json.dumps(request)]
    answer: dict[str, Any] = json.loads(_run(argv, checkout))
    return answer


def _timed(argv: Sequence[str]) -> Run:
    began = time.perf_counter()
    _run(argv)
    return {"seconds": time.perf_counter() - began}


def _run(argv: Sequence[str], checkout: Path = REPOSITORY) -> str:
    """What a command says. Raises PartFailed."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=_environment(checkout),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
        )
    if done.returncode:
        raise PartFailed("the analyser", f"exited with {done.returncode}", done.stderr)
    return done.stdout


def _environment(checkout: Path) -> dict[str, str]:
    """The environment in which the service starts an engine: its own Python comes first on the path."""
    kept = {name: os.environ[name] for name in ("HOME", "OPENFACE_LITE_MODELS") if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**kept, **threads, "PATH": path, "PYTHONPATH": str(checkout)}


def _show(console: Console, told: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title="the embedded analyser")
    for head in ("", "median", "best", "unit", "runs", "aim", ""):
        table.add_column(head, justify="right" if head in ("median", "best", "runs") else "left")
    for each in told:
        values = [NOT_MEASURED if each[name] is None else f"{each[name]:.3g}" for name in ("value", "best")]
        aim = str(Bound(**each["aim"])) if each["aim"] else ""
        table.add_row(each["what"], *values, each["unit"], str(len(each["runs"])), aim, each["verdict"] or "")
    console.print(table)
    console.print(HOW_TO_READ + LOAD_DISTORTS)


if __name__ == "__main__":
    main()
