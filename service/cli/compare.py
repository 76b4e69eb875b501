"""`reference` and `compare`: take desired action units from one result and compare another result with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from service.cli.output import aligned, shown
from service.cli.startup import EXIT_FAILED, exit_on_error
from service.results.compare.comparison import Comparison, compare
from service.results.compare.measured import measure_result
from service.results.compare.page import page
from service.results.compare.parameters import STATISTIC, TOLERANCE, Parameters
from service.storage.local_files import replacing

RESULT = click.Path(exists=True, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

_FACE = click.option(
    "--face",
    type=click.IntRange(0),
    help="Number of the face in the table. Default: the largest; in videos the one in most frames.",
)


@click.command()
@click.argument("result", type=RESULT)
@click.option("--out", required=True, type=FILE, help="Parameters file to write.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 5),
    default=TOLERANCE,
    show_default=True,
    help="Allowed deviation of each intensity; edit the file for single ones.",
)
@click.option(
    "--statistic",
    default="mean",
    show_default=True,
    help="Statistic over a video's good rows, here and in later comparisons: mean, median, or a percentile (p95).",
)
@_FACE
def reference(result: Path, out: Path, tolerance: float, statistic: str, face: int | None) -> None:
    """Make parameters from RESULT: its action units become the desired ones.

    RESULT is a CSV, or the folder that `analyse` or `download` put it in. Units that it did not measure are listed in
    the file and not desired.
    """
    if not STATISTIC.fullmatch(statistic):
        raise click.UsageError("--statistic is mean, median, or p0 to p100")
    with exit_on_error():
        parameters = Parameters.from_reference(measure_result(result, face), statistic, tolerance)
    write_whole(out, parameters.as_json())
    click.echo(f"{len(parameters.action_units)} action units ± {tolerance:g} -> {out}", err=True)


@click.command("compare")
@click.argument("result", type=RESULT)
@click.option("--reference", "parameters_file", required=True, type=FILE, help="Parameters, as `reference` makes them.")
@click.option("--html", type=FILE, help="Also write the report to this file; it loads nothing from elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one JSON object.")
@_FACE
def compare_command(result: Path, parameters_file: Path, html: Path | None, as_json: bool, face: int | None) -> None:
    """Compare RESULT with desired action units: list those outside their tolerance, and by how much.

    RESULT is a CSV, or the folder that `analyse` or `download` put it in. Of a picture the values of its face are
    compared, of a video a statistic over its good rows (success 1 and confidence at least 0.75): the mean, unless the
    parameters say otherwise.

    Exit code 0 only for `pass`; 1 for `fail` (any outside), and for `incomplete`: none outside, but some desired
    units were not measured.
    """
    with exit_on_error():
        comparison = compare(Parameters.load(parameters_file), measure_result(result, face))
    if html:
        write_whole(html, page(comparison))
    if as_json:
        click.echo(json.dumps(comparison.as_dict()))
    else:
        _report(comparison)
    if comparison.verdict != "pass":
        sys.exit(EXIT_FAILED)


def _report(comparison: Comparison) -> None:
    click.echo(f"{comparison.verdict.upper()}  {shown(comparison.result.about.media)}: {comparison.sentence}")
    rows = [["", "DESIRED", "MEASURED", "DEVIATION", ""]]
    for unit in comparison.action_units:
        by = f" by {unit.outside_by:.2f}" if unit.outside_by else ""
        rows.append(
            [
                unit.column,
                f"{unit.desired:.2f} ± {unit.tolerance:.2f}",
                "-" if unit.measured is None else f"{unit.measured:.2f}",
                "-" if unit.deviation is None else f"{unit.deviation:+.2f}",
                unit.status + by,
            ]
        )
    for line in aligned(rows):
        click.echo(line)
    for warning in comparison.warnings:
        click.echo(f"note: {shown(warning)}", err=True)


def write_whole(file: Path, text: str) -> None:
    """Write the file atomically: readers see the old text or the new, never a part."""
    with replacing(file) as beside:
        beside.write_text(text, "utf-8")
