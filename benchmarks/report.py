"""`python -m benchmarks.report`: the last figures of all benchmarks, from their JSON files into BENCHMARKS.md.

Nothing is measured here, and nothing is left out: a benchmark without a file is named as not run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks import collect, photos, streaming
from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.judged import Judged, in_digits, judged_grid
from benchmarks.site import BENCH_FOLDER, STEPS
from benchmarks.told import LOAD_DISTORTS, machine_line
from infra.local.stack import REPOSITORY

PAGE = REPOSITORY / "BENCHMARKS.md"
TITLES = {
    "engine": "The embedded analyser",
    "engine_beside": "The embedded analyser beside others",
    "confinement": "What it costs to give up rights",
    "stretches": "One video on all processors",
    "photos": "Many photos through the pipeline",
    "overhead": "The pipeline against the bare command",
    "preparation": "Copies for the engine",
    "storage_calls": "Requests to storage",
    "idle": "A stack at rest",
    "state_index": "Lists and sweeps beside many finished jobs",
    "scale": "A second worker",
    "burst": "A burst of requests for an analysis",
    "interactive": "Faces at once",
    "live": "The live overlay",
    "viewer": "The page of an hour of video",
    "folder": "A folder of photos in the page",
    "abuse": "The web server under abuse",
    "flat": "Memory over thousands of requests and jobs",
    "streaming": "The worker's memory and huge blobs",
    "collect": "A thousand results in one table",
    "reports": "Reports in a warm child",
    "simulate": "A day of jobs, simulated",
    "simulate_check": "The simulation against a real run",
}
"""In the order of the page; the name is the benchmark's and its file's."""
NOTES = {
    "engine_beside": "Beside an earlier checkout of this repository and MediaPipe's own FaceLandmarker, on clips of "
    "ten seconds and on stills with tiles; decoding and the table included.",
    "photos": "The best possible is the bare command alone, once for each CPU. The pipeline shares these CPUs with the "
    "storage emulator and with the web server, whose processor time is told; against storage elsewhere it has more.",
    "overhead": "The steps tell where the time beyond the bare command goes.",
    "state_index": "Rows of finished jobs are synthetic. The emulator looks through all rows: its seconds are not "
    "those of the service, the requests are.",
    "scale": "Two workers share the CPUs with the storage emulator: a photo costs it a quarter of what it costs the "
    "engine, a clip next to nothing. What two bare commands gain over one is the most that this machine could give.",
    "burst": "Client, web server and storage emulator share the CPUs; what a request costs the last two is told. One "
    "request for a whole container makes a thousand jobs at a fraction of that.",
    "simulate": "Fed with what `benchmarks.service_times` measured on the same machine.",
}
"""What has to be known to read a part's figures."""
COMMANDS = {
    "simulate_check": "benchmarks.simulate --check",
    "engine_beside": "benchmarks.engine_beside --earlier CHECKOUT --mediapipe PYTHON",
}
HEAD = """\
# Benchmarks

Written by `python -m benchmarks.report` from the figures of `make bench`; not edited by hand. Each part says on which
machine and when it was measured. An aim that is missed is called missed. The storage emulator keeps its data in memory,
but for huge blobs. A fixed sum, where told for the start and the end of a part, shows how fast the machine was.
"""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=BENCH_FOLDER)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=PAGE, show_default=PAGE.name)
def main(folder: Path, out: Path) -> None:
    """Write the page of all figures from the JSON files in FOLDER (default: .local/bench)."""
    found = {
        name: json.loads(file.read_text("utf-8")) for name in TITLES if (file := folder / f"{name}.json").is_file()
    }
    if not found:
        raise click.ClickException(f"no figures in {folder}: run `make bench`")
    out.write_text(page(found), "utf-8")
    click.echo(f"{out}: {len(found)} of {len(TITLES)} benchmarks")


def page(found: dict[str, dict[str, Any]]) -> str:
    """The page, from what the benchmarks wrote, by their names."""
    parts = [HEAD, _all_aims(found).in_markdown(), _one_line(LOAD_DISTORTS)]
    parts += [_part(name, title, found[name]) for name, title in TITLES.items() if name in found]
    if missing := [f"`{name}`" for name in TITLES if name not in found]:
        parts.append(f"## Not run\n\n{', '.join(missing)}\n")
    return "\n".join(parts).rstrip() + "\n"


def _all_aims(found: dict[str, dict[str, Any]]) -> Grid:
    rows = [
        (TITLES[name], figure.what, f"{in_digits(figure.value)} {figure.unit}", str(figure.bound), str(figure.verdict))
        for name in TITLES
        if name in found
        for figure in figures(name, found[name])
        if figure.bound
    ]
    return Grid("All aims", ("", "figure", "value", "aim", "verdict"), rows)


def _part(name: str, title: str, told: dict[str, Any]) -> str:
    heading = f"## {title}\n\n`python -m {COMMANDS.get(name, f'benchmarks.{name}')}`: {machine_line(told['machine'])}\n"
    if name in NOTES:
        heading += f"\n{NOTES[name]}\n"
    grids = [Grid.from_dict(grid) for grid in told.get("tables", [])]
    if found := figures(name, told):
        grids.append(judged_grid("Figures", found))
    return "\n".join([heading, *(grid.in_markdown() for grid in grids)])


def figures(name: str, told: dict[str, Any]) -> list[Judged]:
    """A benchmark's figures; those that do not list them so have a reader of their own."""
    if name in _READERS:
        return list(_READERS[name](told))
    return [Judged.from_dict(figure) for figure in told["figures"]]


def _photos(told: dict[str, Any]) -> Iterator[Judged]:
    of = f"of {told['photos']} photos"
    yield Judged(
        f"pipeline to one bare process, {of}", "times", told["ratio_to_bare"], Bound(at_most=photos.RATIO_AT_MOST)
    )
    if "cpu_ratio" in told:
        what = "processor time of worker, decoders and engines to one bare process"
        yield Judged(what, "times", told["cpu_ratio"], Bound(at_most=photos.CPU_RATIO_AT_MOST))
    if "share" in told:
        what = "speed-up over the simple service, of the best possible"
        yield Judged(what, "share", told["share"], Bound(at_least=photos.SHARE_AT_LEAST))
        yield Judged("speed-up over the simple service", "times", told["speed_up"])
        yield Judged("the best possible", "times", told["speed_up_best"])
    for kind, seconds in told["seconds"].items():
        yield Judged(kind, "s", seconds)
    for part, milliseconds in told["cpu_ms_a_photo"].items():
        yield Judged(f"processor time of {part} for a photo", "ms", milliseconds)


def _overhead(told: dict[str, Any]) -> Iterator[Judged]:
    units = {"ratio": "times the bare command", "extra_s": "s beyond the bare command"}
    for each in told["media"]:
        of = each["aim"]["of"]
        yield Judged(each["what"], units[of], each[of], Bound(at_most=each["aim"]["at_most"]))
        yield Judged(f"{each['what']}, bare", "s", each["bare_s"])
        yield Judged(f"{each['what']}, pipeline", "s", each["pipeline_s"])
        for step in STEPS:
            yield Judged(f"{each['what']}, {step}", "s", each["steps_s"][step])


def _streaming(told: dict[str, Any]) -> Iterator[Judged]:
    for each in told["blobs"]:
        what = f"{each['what']}, {told['blob_mib']} MiB"
        yield Judged(what, "MiB beyond idle", each["difference_mib"], Bound(at_most=streaming.AIM_MIB))
        yield Judged(f"{what}, peak", "MiB", each["peak_mib"])


def _collect(told: dict[str, Any]) -> Iterator[Judged]:
    fewer, more = sorted(told["runs"], key=lambda run: run["results"])
    what = f"peak memory with {more['results']} results to that with {fewer['results']}"
    yield Judged(what, "times", more["peak_mib"] / fewer["peak_mib"], Bound(at_most=collect.AIM))
    yield Judged(f"{more['results']} results", "s", more["seconds"])


_READERS: dict[str, Callable[[dict[str, Any]], Iterator[Judged]]] = {
    "photos": _photos,
    "overhead": _overhead,
    "streaming": _streaming,
    "collect": _collect,
}


def _one_line(text: str) -> str:
    return " ".join(text.split()) + "\n"


if __name__ == "__main__":
    main()
