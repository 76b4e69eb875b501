"""`collect`: join many results into one tidy table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.output import bars, echo_json, shown
from service.cli.startup import EXIT_FAILED, exit_on_error
from service.cli.storage_session import opened
from service.errors import MalformedOutput, NotFound

if TYPE_CHECKING:
    from service.results.collect.sources import CollectedResult, SkippedResult

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
    "--jobs", metavar="CONTAINER|all", help="Instead of RESULTS: collect from the storage account of the settings."
)
@click.option("--study", metavar="NAME", help="Instead of RESULTS: collect a study's jobs from that storage account.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(GROUPS),
    help="Only this group of columns; repeat for several. Default: all 709 columns.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was collected, and what was not, as one JSON object.")
def collect(
    results: tuple[Path, ...], out: Path, jobs: str | None, study: str | None, only: tuple[str, ...], as_json: bool
) -> None:
    """Join RESULTS into one tidy table: one row a frame or face, with columns of its job, media and quality.

    RESULTS are folders that `analyse`, `submit` or `download` filled; they are searched. Memory does not grow with
    their number. Pictures and videos share one set of columns: a column that one does not have is null there, as are
    values that were not measured. `good` says whether a row passes the quality gate (success 1, confidence at
    least 0.7).

    Partial, failed, unreadable and empty results are listed. Exit code 1 if any result failed or cannot be read; the
    table holds the others nevertheless. In CSV, a text that begins with = + - @ gets an apostrophe in front, since
    spreadsheets would read it as a formula; numbers, and Parquet, are not changed.
    """
    if [bool(results), bool(jobs), bool(study)].count(True) != 1:
        raise click.UsageError("give RESULTS, or --jobs, or --study")
    if out.suffix not in (".parquet", ".csv"):
        raise click.UsageError("--out ends in .parquet or .csv")
    if results:
        summary = _collected(results, out, only, as_json)
    else:
        summary = _collected_from_storage(jobs, study or "", out, only, as_json)
    if as_json:
        echo_json(summary)
    else:
        _report(summary, out)
    if summary["failed"] or summary["unreadable"]:
        sys.exit(EXIT_FAILED)


def _collected(results: tuple[Path, ...], out: Path, only: tuple[str, ...], as_json: bool) -> dict[str, Any]:
    from service.results.collect.sources import from_files, manifests_in

    manifests = manifests_in(results)
    if not manifests:
        raise click.ClickException("no results found: no folder has a manifest.json")
    return _write(from_files(manifests), len(manifests), out, only, as_json)


def _collected_from_storage(
    jobs: str | None, study: str, out: Path, only: tuple[str, ...], as_json: bool
) -> dict[str, Any]:
    from service.results.collect.sources import from_storage

    with opened() as services, exit_on_error():
        container = None if jobs == "all" else jobs
        if study and not services.table.studies.exists(study):
            raise NotFound(f"there is no study {study!r}", "study_not_found")
        found = from_storage(services.table, services.blobs, services.settings.results_container, container, study)
        return _write(found, None, out, only, as_json)


def _write(
    found: Iterator[CollectedResult | SkippedResult], count: int | None, out: Path, only: tuple[str, ...], as_json: bool
) -> dict[str, Any]:
    """Write the table; returns what it holds and what was left out."""
    # Loaded only here: the other commands need no Arrow.
    from service.results.collect.columns import Layout
    from service.results.collect.join import Collector
    from service.results.collect.sources import SkippedResult
    from service.results.collect.write import table_writer

    layout = Layout.of(only) if only else Layout.of()
    gathering = Collector(layout)
    summary: dict[str, Any] = {"results": 0, "rows": 0, "partial": [], "without_rows": []}
    summary |= {"failed": [], "unreadable": [], "not_finished": []}
    with table_writer(out, layout.schema) as write, bars(hidden=as_json) as progress:
        whole = progress.add_task("results", total=count)
        for one in found:
            progress.advance(whole)
            if isinstance(one, SkippedResult):
                summary[one.problem.replace(" ", "_")].append({"name": one.name, "why": one.why})
                continue
            try:
                rows = int(one.manifest["csv"]["rows"])
                for chunk in gathering.add(one):
                    write(chunk)
            except (MalformedOutput, KeyError, TypeError, ValueError) as error:
                summary["unreadable"].append({"name": one.name, "why": str(error)})
                continue
            _count(summary, one, rows)
        for chunk in gathering.flush():
            write(chunk)
    return summary


def _count(summary: dict[str, Any], one: CollectedResult, rows: int) -> None:
    judged = one.manifest["completeness"]
    summary["results"] += 1
    summary["rows"] += rows
    if judged["verdict"] != "complete":
        summary["partial"].append({"name": one.name, "why": str(judged["reason"])})
    if not rows:
        summary["without_rows"].append({"name": one.name, "why": "no face"})


def _report(summary: dict[str, Any], out: Path) -> None:
    for kind in ("partial", "without_rows", "not_finished", "failed", "unreadable"):
        for one in summary[kind]:
            click.echo(f"{kind.replace('_', ' ')}: {shown(one['name'])}: {shown(one['why'])}", err=True)
    click.echo(f"{summary['rows']:,} rows of {summary['results']:,} results -> {out}", err=True)
