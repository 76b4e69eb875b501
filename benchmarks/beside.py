"""`python -m benchmarks.beside CHECKOUT BENCHMARK …`: a benchmark in turns here and in another checkout.

For example `git worktree add ../earlier v1.2.0`, then `python -m benchmarks.beside ../earlier burst --requests 300`.
A machine's speed changes from minute to minute, so that figures of two days say little; ratios within one run do.
The other checkout runs with its own `.venv` where it has one, else with this Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.judged import in_digits
from benchmarks.site import run_benchmark
from benchmarks.told import LOAD_DISTORTS, machine, machine_line, new_console, write_json
from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY

LIMITS = {
    "a second": Bound(at_least=0.9),
    "a minute": Bound(at_least=0.9),
    "ms": Bound(at_most=1.1),
    "s": Bound(at_most=1.1),
}
"""Bounds of the ratio of this checkout's figure to the other's, by unit; other units are not compared."""
WITHIN_S = 900.0

Figures = Mapping[str, Mapping[str, Any]]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("benchmark")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--turns", type=click.IntRange(1), default=2, show_default=True, help="Runs in each checkout.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(checkout: Path, benchmark: str, arguments: tuple[str, ...], turns: int, json_file: Path | None) -> None:
    """Run a benchmark here and in another checkout by turns, and print the ratios of its figures."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        places = {"here": REPOSITORY, "there": checkout.resolve()}
        found: dict[str, list[Figures]] = {name: [] for name in places}
        with console.status("") as status:
            for turn in range(turns):
                for name in list(places)[:: -1 if turn % 2 else 1]:
                    status.update(f"turn {turn + 1} of {turns}, {name}")
                    found[name].append(figures_in(places[name], benchmark, arguments))
        rows = compared(found["here"], found["there"])
        console.print(_grid(benchmark, rows).on_terminal())
        console.print(LOAD_DISTORTS)
        settings = {"of": benchmark, "arguments": arguments, "turns": turns}
        write_json(json_file, {"benchmark": "beside", "machine": facts, "settings": settings, "figures": rows})

    run_benchmark(console, measure)


def figures_in(checkout: Path, benchmark: str, arguments: Sequence[str]) -> Figures:
    """Run a checkout's own benchmark; its figures by name. Raises PartFailed."""
    own = checkout / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="beside-") as folder:
        file = Path(folder) / "figures.json"
        argv = [str(own) if own.exists() else sys.executable, "-m", f"benchmarks.{benchmark}", *arguments]
        done = subprocess.run(
            [*argv, "--json", str(file)],
            cwd=checkout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        if done.returncode or not file.exists():
            raise PartFailed(f"benchmarks.{benchmark}", f"exited with {done.returncode}", done.stderr[-2000:])
        return {figure["what"]: figure for figure in json.loads(file.read_text("utf-8"))["figures"]}


def compared(here: Sequence[Figures], there: Sequence[Figures]) -> list[dict[str, Any]]:
    """Compare the medians of the figures that both have, in the order of this checkout."""
    rows = []
    for what, figure in here[0].items():
        limit = LIMITS.get(figure["unit"])
        ours, theirs = (_median(runs, what) for runs in (here, there))
        if limit and ours is not None and theirs:
            ratio = ours / theirs
            row = {"what": what, "unit": figure["unit"], "here": ours, "there": theirs, "ratio": ratio}
            rows.append({**row, "aim": str(limit), "verdict": limit.verdict(ratio)})
    return rows


def _median(runs: Sequence[Figures], what: str) -> float | None:
    values = [run[what]["value"] for run in runs if what in run and run[what]["value"] is not None]
    return median(values) if values else None


def _grid(benchmark: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    cells = [
        (
            *(row["what"], row["unit"], in_digits(row["here"]), in_digits(row["there"])),
            *(f"{row['ratio']:.2f}", row["aim"], row["verdict"]),
        )
        for row in rows
    ]
    return Grid(f"{benchmark}, medians", ("", "unit", "here", "there", "ratio", "aim", "verdict"), cells)


if __name__ == "__main__":
    main()
