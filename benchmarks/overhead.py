"""`python -m benchmarks.overhead`: how much longer the pipeline takes, blob in to CSV out, than the bare command.

Bare and pipeline runs take turns, so that what slows the machine down slows both.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table

from benchmarks.bare import BareCommand
from benchmarks.media import clip
from benchmarks.site import STEPS, PipelineRun, Site, run_benchmark, running_site
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, verdict, write_json
from infra.local.demo import PORTRAIT
from infra.local.stack import REPOSITORY
from service.engine.installed import Engine
from service.jobs.media_kind import Media
from service.worker.receiver import IDLE_LONGEST_S

CLIP_RATIO_AT_MOST = 1.10
PHOTO_EXTRA_AT_MOST_S = 1.0
# Both web processes and the worker have imported everything and hold their connections then.
WARM_UPS = 4

HOW_TO_READ = f"""\
bare       the engine's command alone, with the pipeline's arguments and environment
pipeline   from the request (the upload is there) to the CSV being visible in storage
ratio …    medians over pairs of neighbouring runs
at rest    the worker has had no work for so long that it looks only every {IDLE_LONGEST_S:g} s
  submit   until the job's record is made
  queue    until a worker has claimed it
  claim    until its work begins
  between  what the worker's own total has beside its steps
  publish  from there to the CSV being visible
settled    from the request to the state `succeeded` being seen
"""


@dataclass(frozen=True)
class Aim:
    """The most that a figure may be."""

    of: Literal["ratio", "extra_s"]
    at_most: float

    def __str__(self) -> str:
        return f"at most {self.at_most:.2f}" if self.of == "ratio" else f"at most {self.at_most:.1f} s more"


@dataclass(frozen=True)
class Case:
    """One medium to be measured.

    Attributes:
        look_every_s: how often storage is asked for the CSV.
        rest_s: how long the worker is left without work before each pipeline run.
    """

    what: str
    file: Path
    media: Media
    runs: int
    aim: Aim
    look_every_s: float
    within_s: float
    rest_s: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What a case took, run by run; `bare[i]` and `pipeline[i]` are neighbours."""

    case: Case
    bare: Sequence[float]
    pipeline: Sequence[PipelineRun]

    def figures(self) -> dict[str, Any]:
        """All of it, medians first."""
        pairs = [(bare, run.seconds) for bare, run in zip(self.bare, self.pipeline, strict=True)]
        judged = {
            "ratio": median(seconds / bare for bare, seconds in pairs),
            "extra_s": median(seconds - bare for bare, seconds in pairs),
        }
        return {
            "what": self.case.what,
            "runs": len(pairs),
            "bare_s": median(self.bare),
            "pipeline_s": median(run.seconds for run in self.pipeline),
            **judged,
            "aim": asdict(self.case.aim),
            "met": judged[self.case.aim.of] <= self.case.aim.at_most,
            "steps_s": {step: median(run.steps[step] for run in self.pipeline) for step in STEPS},
            "settled_s": median(run.settled_s for run in self.pipeline),
            "bare_runs_s": list(self.bare),
            "pipeline_runs_s": [run.seconds for run in self.pipeline],
        }


@click.command()
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Pairs of runs on the clip.")
@click.option("--photo-runs", type=click.IntRange(1), default=11, show_default=True, help="The same on the photo.")
@click.option("--rest-runs", type=click.IntRange(0), default=7, show_default=True, help="… with the worker at rest.")
@click.option("--clip-s", type=click.IntRange(1), default=60, show_default=True, help="Seconds of the clip.")
@click.option("--rest-s", type=float, default=9.0, show_default=True, help="Seconds that make a worker be at rest.")
@click.option(
    "--bin-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=REPOSITORY / "openface_lite" / "bin",
    show_default="openface_lite/bin",
    help="Folder of the engine's commands.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(
    runs: int, photo_runs: int, rest_runs: int, clip_s: int, rest_s: float, bin_dir: Path, json_file: Path | None
) -> None:
    """Measure the pipeline against the bare engine command, on a clip and on a photo."""
    console = new_console()
    engine = Engine.find(bin_dir)

    def measure() -> None:
        cases = _cases(runs, photo_runs, rest_runs, clip_s, rest_s)
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status, running_site({"OPENFACE_BIN_DIR": str(engine.bin_dir)}) as site:
            measured = [_measure(site, engine, case, status.update) for case in cases]
        told = [each.figures() for each in measured]
        _show(console, told)
        named = {"name": engine.name, "version": engine.version}
        figures = {"benchmark": "overhead", "machine": facts, "note": LOAD_DISTORTS, "engine": named, "media": told}
        write_json(json_file, figures)

    run_benchmark(console, measure)


def _cases(runs: int, photo_runs: int, rest_runs: int, clip_s: int, rest_s: float) -> list[Case]:
    photo_aim = Aim("extra_s", PHOTO_EXTRA_AT_MOST_S)
    cases = [
        Case("photo", PORTRAIT, "image", photo_runs, photo_aim, look_every_s=0.02, within_s=120),
        Case("photo, worker at rest", PORTRAIT, "image", rest_runs, photo_aim, 0.02, 120, rest_s),
        Case(
            f"clip of {clip_s} s",
            clip(clip_s),
            "video",
            runs,
            Aim("ratio", CLIP_RATIO_AT_MOST),
            look_every_s=0.1,
            within_s=120 + 20 * clip_s,
        ),
    ]
    return [case for case in cases if case.runs]


def _measure(site: Site, engine: Engine, case: Case, say: Callable[[str], None]) -> Measured:
    bare = BareCommand(engine, case.file, case.media)
    say(f"{case.what}: warming up")
    BareCommand(engine, PORTRAIT, "image").run()
    for _ in range(WARM_UPS):
        site.analyse(PORTRAIT, "image", within_s=120, look_every_s=0.1)
    bare_s: list[float] = []
    pipeline: list[PipelineRun] = []
    for number in range(case.runs):
        say(f"{case.what}: pair {number + 1} of {case.runs}")
        # Each goes first every other time.
        for is_bare in (True, False) if number % 2 == 0 else (False, True):
            if is_bare:
                bare_s.append(bare.run())
            else:
                pipeline.append(_through(site, case))
    return Measured(case, bare_s, pipeline)


def _through(site: Site, case: Case) -> PipelineRun:
    if case.rest_s:
        # Anywhere between two looks into the queue.
        time.sleep(case.rest_s + random.uniform(0, IDLE_LONGEST_S))
    return site.analyse(case.file, case.media, case.within_s, case.look_every_s)


def _show(console: Console, told: list[dict[str, Any]]) -> None:
    table = Table(title="pipeline against the bare command")
    table.add_column("")
    for each in told:
        table.add_column(each["what"], justify="right")
    for name, cells in _rows(told).items():
        table.add_row(name, *cells)
    console.print(table)
    console.print(HOW_TO_READ + LOAD_DISTORTS)


def _rows(told: list[dict[str, Any]]) -> dict[str, list[str]]:
    rows = {
        "pairs of runs": [str(each["runs"]) for each in told],
        "bare": [f"{each['bare_s']:.2f} s" for each in told],
        "pipeline": [f"{each['pipeline_s']:.2f} s" for each in told],
        "ratio": [f"{each['ratio']:.3f}" for each in told],
        "extra": [f"{each['extra_s']:.2f} s" for each in told],
        "aim": [f"{Aim(**each['aim'])}: {verdict(each['met'])}" for each in told],
    }
    for step in STEPS:
        rows[f"  {step}"] = [_share(each["steps_s"][step], each["pipeline_s"]) for each in told]
    rows["settled"] = [f"{each['settled_s']:.2f} s" for each in told]
    return rows


def _share(seconds: float, whole: float) -> str:
    return f"{seconds:.3f} s  {seconds / whole:4.0%}"


if __name__ == "__main__":
    main()
