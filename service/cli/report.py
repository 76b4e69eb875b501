"""`report`: make reports of results in folders, as `analyse` writes and `download` fetches them."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from service.cli.output import shown
from service.cli.startup import EXIT_FAILED, exit_on_error, load_settings
from service.errors import AnalysisError
from service.logs import configure
from service.results.quality_gate import CONFIDENCE
from service.results.report.files import REPORT
from service.results.report.in_folder import find_results, find_upload, write_beside
from service.results.report.make import ReportMaker


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--media",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="File or folder to search for the analysed media, by their SHA-256, so that reports show a picture.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1),
    default=CONFIDENCE,
    show_default=True,
    help="Least confidence of the quality gate: rows below it count in no statistic.",
)
def report(folders: tuple[Path, ...], media: tuple[Path, ...], confidence: float) -> None:
    """Make report.html, summary.json, methods.txt and citation.bib beside the table of each result.

    FOLDERS are searched for results: a CSV with its manifest.json. The exit code is 1 if any report failed.
    """
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    failed = False
    with exit_on_error(), closing(ReportMaker([*folders, *media])) as maker:
        for result in find_results(folders):
            try:
                write_beside(result, find_upload(result, media), maker, confidence)
                click.echo(shown(str(result.csv.parent / REPORT)))
            except AnalysisError as error:
                failed = True
                click.echo(f"{shown(str(result.csv))}: {shown(error.message)} ({error.code})", err=True)
    if failed:
        sys.exit(EXIT_FAILED)
