"""`submit`: upload local files to a remote service, follow their jobs and download the results."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import click

from service.cli.job_options import given_options, with_job_options
from service.cli.passed_over import report_passed_over, with_strict
from service.cli.service_session import progress_display, with_at_once, with_json, with_service
from service.cli.startup import EXIT_FAILED, exit_on_error
from service.client.client import Client
from service.client.send import LocalFile, Sender
from service.jobs.media_files import NO_MEDIA, PassedOver, find_media, find_sequences
from service.jobs.media_kind import MediaType
from service.jobs.options import JobOptions
from service.jobs.studies import check_study

REPORTED_FILES = 20
"""Reports are made and downloaded without being asked for below this number of files."""


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILES...", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option(
    "--media-type",
    type=click.Choice(["posed", "wild"]),
    default="wild",
    show_default=True,
    help="posed: taken for the analysis; wild: any other footage.",
)
@with_job_options()
@click.option(
    "--sequence", is_flag=True, help="Take each folder's pictures as the frames of one sequence, in the order of names."
)
@click.option("--study", metavar="NAME", default="", help="Put the files into the study of this name.")
@click.option(
    "--callback",
    "callbacks",
    multiple=True,
    metavar="URL",
    help="Address that gets a signed call when a job ends; may be repeated. The service allows its host.",
)
@click.option("--no-wait", is_flag=True, help="Exit when all are submitted; continue with `watch` and `download`.")
@click.option(
    "--report/--no-report",
    "report",
    default=None,
    help=f"Also download reports; default: below {REPORTED_FILES} files.",
)
@with_at_once
@with_strict
@with_json
@with_service
def submit(
    client: Client,
    stop: threading.Event,
    inputs: tuple[Path, ...],
    out: Path | None,
    media_type: MediaType,
    sequence: bool,
    study: str,
    callbacks: tuple[str, ...],
    no_wait: bool,
    report: bool | None,
    at_once: int,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Upload photos and videos to a service, follow their jobs, and download the results.

    FILES are files, or folders that are searched for media. Each gets a folder of its own below --out, with its CSV,
    manifest and report. Running the command again resumes: uploads are not repeated, finished jobs are only
    downloaded, whole results are kept.

    Exit code 1 if any file failed; the others are done nevertheless.
    """
    if no_wait and out:
        raise click.UsageError("--no-wait downloads nothing: leave out --out")
    search = find_sequences(inputs) if sequence else find_media(inputs, leave_out=[out] if out else [])
    unknown = [PassedOver(file.name, NO_MEDIA) for file in search.files if file.media is None]
    passed_over = search.passed_over + unknown
    report_passed_over(passed_over)
    files = [LocalFile(file.path, file.name, file.media) for file in search.files if file.media]
    if not files:
        raise click.ClickException("no photos or videos found")
    given = given_options(options)
    with exit_on_error():
        # Checked before anything is sent; the service would refuse these options too.
        if study:
            check_study(study)
        for media in {file.media for file in files}:
            JobOptions.resolve(media, media_type, given, galleries=True)
    sender = Sender(
        client,
        media_type,
        given,
        out=out.resolve() if out else None,
        wait=not no_wait,
        with_report=len(files) < REPORTED_FILES if report is None else report,
        study=study,
        callbacks=callbacks,
        at_once=at_once,
        stop=stop,
    )
    left_out = [file.reason for file in passed_over]
    with progress_display(len(files), as_json=as_json, out=out, left_out=left_out) as display:
        for sent in sender.send(files, display.watch):
            display.done(sent)
    if strict and passed_over:
        sys.exit(EXIT_FAILED)
