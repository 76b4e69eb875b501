"""`collect`: many results as one tidy table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.output import bars, echo_json, shown
from service.cli.startup import EXIT_FAILED, exit_on_error
from service.cli.storage_session import opened
from service.errors import MalformedOutput

if TYPE_CHECKING:
    from service.results.collect.sources import Found, Unused

GROUPS = ("gaze", "eye-landmarks", "head-pose", "landmarks", "shape", "action-units")


@click.command()
@click.argument("results", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="RESULTS...")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The table: .parquet or .csv.",
)
@click.option(
    "--jobs", metavar="CONTAINER|all", help="Instead of RESULTS: straight from storage, as the settings name it."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(GROUPS),
    help="Of what was measured only this; repeat for several. Default: all 709 columns.",
)
@click.option("--json", "as_json", is_flag=True, help="What was collected, and what not, as one JSON object.")
def collect(results: tuple[Path, ...], out: Path, jobs: str | None, only: tuple[str, ...], as_json: bool) -> None:
    """Join RESULTS into one tidy table: one row a frame or face, with columns of its job, media and quality.

    RESULTS are folders that `analyse`, `submit` or `download` filled; they are searched. Memory stays the same however
    many there are. Pictures and videos share one set of columns: what one does not have is null there, as is what was
    not measured. `good` says whether a row passes the quality gate (success 1, confidence at least 0.7).

    What is partial, failed, unreadable or without a row is named. Exit code 1 if any result failed or cannot be read;
    the table holds the rest all the same. In CSV, a text that begins with = + - @ gets an apostrophe in front, since
    spreadsheets would take it for a formula; numbers, and Parquet, stay what they are.
    """
    if bool(results) == bool(jobs):
        raise click.UsageError("give RESULTS, or --jobs")
    if out.suffix not in (".parquet", ".csv"):
        raise click.UsageError("--out ends in .parquet or .csv")
    told_of = _collected_from_storage(jobs, out, only, as_json) if jobs else _collected(results, out, only, as_json)
    if as_json:
        echo_json(told_of)
    else:
        _tell(told_of, out)
    if told_of["failed"] or told_of["unreadable"]:
        sys.exit(EXIT_FAILED)


def _collected(results: tuple[Path, ...], out: Path, only: tuple[str, ...], as_json: bool) -> dict[str, Any]:
    from service.results.collect.sources import from_files, manifests_in

    manifests = manifests_in(results)
    if not manifests:
        raise click.ClickException("no results in there: none has a manifest.json")
    return _write(from_files(manifests), len(manifests), out, only, as_json)


def _collected_from_storage(jobs: str, out: Path, only: tuple[str, ...], as_json: bool) -> dict[str, Any]:
    from service.results.collect.sources import from_storage

    with opened() as services, exit_on_error():
        container = None if jobs == "all" else jobs
        found = from_storage(services.table, services.blobs, services.settings.results_container, container)
        return _write(found, None, out, only, as_json)


def _write(
    found: Iterator[Found | Unused], count: int | None, out: Path, only: tuple[str, ...], as_json: bool
) -> dict[str, Any]:
    """Write the table; returns what it holds and what not."""
    # Loaded only here: the other commands need no Arrow.
    from service.results.collect.columns import Layout
    from service.results.collect.join import Gathering
    from service.results.collect.sources import Unused
    from service.results.collect.write import written

    layout = Layout.of(only) if only else Layout.of()
    gathering = Gathering(layout)
    told_of: dict[str, Any] = {"results": 0, "rows": 0, "partial": [], "without_rows": []}
    told_of |= {"failed": [], "unreadable": [], "not_finished": []}
    with written(out, layout.schema) as write, bars(hidden=as_json) as progress:
        whole = progress.add_task("results", total=count)
        for one in found:
            progress.advance(whole)
            if isinstance(one, Unused):
                told_of[one.problem.replace(" ", "_")].append({"name": one.name, "why": one.why})
                continue
            try:
                for piece in gathering.add(one):
                    write(piece)
            except (MalformedOutput, KeyError, TypeError, ValueError) as error:
                told_of["unreadable"].append({"name": one.name, "why": str(error)})
                continue
            _count(told_of, one)
        for piece in gathering.rest():
            write(piece)
    return told_of


def _count(told_of: dict[str, Any], one: Found) -> None:
    judged, rows = one.manifest["completeness"], int(one.manifest["csv"]["rows"])
    told_of["results"] += 1
    told_of["rows"] += rows
    if judged["verdict"] != "complete":
        told_of["partial"].append({"name": one.name, "why": str(judged["reason"])})
    if not rows:
        told_of["without_rows"].append({"name": one.name, "why": "no face"})


def _tell(told_of: dict[str, Any], out: Path) -> None:
    for kind in ("partial", "without_rows", "not_finished", "failed", "unreadable"):
        for one in told_of[kind]:
            click.echo(f"{kind.replace('_', ' ')}: {shown(one['name'])}: {shown(one['why'])}", err=True)
    click.echo(f"{told_of['rows']:,} rows of {told_of['results']:,} results -> {out}", err=True)
