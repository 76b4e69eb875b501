"""`analyse`: run the pipeline on local photos and videos, without a storage account."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.progress import TaskID

from service import wiring
from service.cli.job_options import given_options, with_job_options
from service.cli.output import bars, closing_line, shown, summary_line
from service.cli.passed_over import report_passed_over, with_strict
from service.cli.startup import EXIT_FAILED, exit_on_error, load_settings
from service.errors import AnalysisError
from service.jobs.media_files import Found, find_media, find_sequences
from service.jobs.media_kind import MediaType
from service.logs import configure
from service.results.report.in_folder import FolderResult, write_beside
from service.results.report.make import ReportMaker
from service.worker.local_run import Done, LocalRun


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option("--media-type", type=click.Choice(["posed", "wild"]), help="Default: DEFAULT_MEDIA_TYPE (wild).")
@with_job_options(without=("overlay", "gallery"))
@click.option("--overlay", is_flag=True, help="Also write a copy of each file with the measurements drawn into it.")
@click.option(
    "--again", is_flag=True, help="Analyse again files whose whole result (same options and engine) is there."
)
@click.option(
    "--report", "with_report", is_flag=True, help="Also make report.html, summary.json, methods and citations."
)
@click.option(
    "--sequence", is_flag=True, help="Take each folder's pictures as the frames of one sequence, in the order of names."
)
@with_strict
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on standard output, no progress bars.")
def analyse(
    inputs: tuple[Path, ...],
    out: Path,
    media_type: MediaType | None,
    overlay: bool,
    again: bool,
    with_report: bool,
    sequence: bool,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Analyse photos and videos on this machine, without a storage account.

    INPUTS are files, or folders that are searched for media. Each file gets a folder of its own below --out, with
    its CSV, a manifest that says what was measured and by which engine, and the engine's log.
    """
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    search = find_sequences(inputs) if sequence else find_media(inputs, leave_out=[out])
    files = search.files
    report_passed_over(search.passed_over)
    if not files:
        raise click.ClickException("no photos or videos found")
    with exit_on_error(), wiring.local_pipeline(settings, search.root, out) as pipeline:
        local_run = LocalRun(
            pipeline=pipeline,
            out=out.resolve(),
            media_type=media_type or settings.default_media_type,
            options=given_options(options) | ({"overlay": "1"} if overlay else {}),
            again=again,
        )
        reported = {file.name: file.path for file in files} if with_report else {}
        outcomes, unreported = _analyse_all(local_run, files, as_json, reported)
    if not as_json:
        click.echo(closing_line(outcomes, [file.reason for file in search.passed_over], out))
    if outcomes["failed"] or unreported or (strict and search.passed_over):
        sys.exit(EXIT_FAILED)


def _analyse_all(
    local_run: LocalRun, files: list[Found], as_json: bool, reported: Mapping[str, Path]
) -> tuple[Counter[str], int]:
    """Analyse with one progress bar a file and one for all; returns the outcomes, and how many reports failed."""
    outcomes: Counter[str] = Counter({"analysed": 0, "kept": 0, "failed": 0})
    unreported = 0
    with bars(hidden=as_json) as progress, closing(ReportMaker([local_run.out, *reported.values()])) as maker:
        whole = progress.add_task("all files", total=len(files))
        tasks: dict[str, TaskID] = {}

        def watch(file: Found, stage: str, fraction: float) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task("", total=1.0, one_file=True)
            progress.update(tasks[file.name], completed=fraction, description=f"{file.name} ({stage})")

        for done in local_run.analyse(files, watch):
            outcomes[done.outcome] += 1
            unreported += not _reported(done, reported, maker)
            if done.name in tasks:
                progress.remove_task(tasks.pop(done.name))
            progress.advance(whole)
            if as_json:
                click.echo(json.dumps(done.as_dict()))
            else:
                progress.console.print(summary_line(done), markup=False, highlight=False, soft_wrap=True)
    return outcomes, unreported


def _reported(done: Done, reported: Mapping[str, Path], maker: ReportMaker) -> bool:
    """Make the report of a result if one was asked for; returns False where it failed."""
    if done.name not in reported or done.csv is None or done.manifest is None:
        return True
    try:
        write_beside(FolderResult(done.csv, done.manifest), reported[done.name], maker)
    except AnalysisError as error:
        click.echo(f"{shown(done.name)}: no report: {shown(error.message)} ({error.code})", err=True)
        return False
    return True
