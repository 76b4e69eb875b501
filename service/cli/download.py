"""`status`, `watch` and `download`: jobs of a remote service."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

import click

from service.cli.output import echo_json, echo_rows, moment
from service.cli.service_session import (
    NoJobs,
    jobs_of,
    progress_display,
    with_at_once,
    with_json,
    with_report,
    with_service,
)
from service.client.client import Client
from service.client.models import RemoteJob
from service.client.result_folder import ResultFolder, safe_name
from service.client.send import Sent, bring
from service.client.two_stage_pool import in_two_steps
from service.jobs.names import file_name

ID_DIGITS = 12
"""Digits of the job id in the name of its results folder."""
APPEAR_LOOK_S = 0.5

_WHICH = click.argument("names", nargs=-1, required=True, metavar="JOB|CONTAINER...")


@click.command()
@_WHICH
@with_json
@with_service
def status(client: Client, stop: threading.Event, names: tuple[str, ...], as_json: bool) -> None:
    """Show the state of jobs: of the given ids (32 hex digits), or of all jobs of a container."""
    found = jobs_of(client, names)
    if as_json:
        for job in found:
            echo_json(job.model_dump(mode="json"))
        return
    rows = [(job.id, job.state, f"{job.progress:.0%}", _since(job), _where(job), file_name(job.blob)) for job in found]
    echo_rows(("ID", "STATE", "DONE", "CREATED (UTC)", "STAGE", "BLOB"), rows)


@click.command()
@_WHICH
@click.option(
    "--appear-s",
    type=click.FloatRange(0),
    default=0.0,
    help="Seconds to wait for a container's first job, which an upload's event starts.",
)
@with_at_once
@with_json
@with_service
def watch(
    client: Client, stop: threading.Event, names: tuple[str, ...], appear_s: float, at_once: int, as_json: bool
) -> None:
    """Follow jobs, or all jobs of containers, until they have finished. Exit code 1 if any did not succeed."""
    jobs = _await_jobs(client, names, appear_s)
    _bring_all(client, stop, jobs, None, at_once=at_once, as_json=as_json, report=False)


@click.command()
@_WHICH
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@with_report
@with_at_once
@with_json
@with_service
def download(
    client: Client,
    stop: threading.Event,
    names: tuple[str, ...],
    out: Path,
    report: bool,
    at_once: int,
    as_json: bool,
) -> None:
    """Download the results of jobs, or of all jobs of containers; waits for those that have not finished.

    Each job gets a folder below --out, named by its blob and the beginning of its id. A result arrives whole or not
    at all: its CSV is checked against the published SHA-256. Whole results that are there already are kept.
    """
    jobs = list(jobs_of(client, names))
    _bring_all(client, stop, jobs, out.resolve(), at_once=at_once, as_json=as_json, report=report)


def _bring_all(
    client: Client,
    stop: threading.Event,
    jobs: list[RemoteJob],
    out: Path | None,
    *,
    at_once: int,
    as_json: bool,
    report: bool,
) -> None:
    with progress_display(len(jobs), as_json=as_json, out=out) as display:

        def brought(job: RemoteJob) -> Sent:
            folder = ResultFolder(out / folder_name(job)) if out else None
            return bring(client, job, folder, _name(job), display.watch, with_report=report)

        for sent in in_two_steps(jobs, lambda job: job, brought, at_once=at_once, stop=stop):
            display.done(sent)


def folder_name(job: RemoteJob) -> str:
    """Name of the folder of a job's results: readable, and unique to the job."""
    return f"{safe_name(file_name(job.blob))}~{job.id[:ID_DIGITS]}"


def _name(job: RemoteJob) -> str:
    return f"{file_name(job.blob)} {job.id[:ID_DIGITS]}"


def _await_jobs(client: Client, names: tuple[str, ...], within_s: float) -> list[RemoteJob]:
    """Wait until every name has a job; returns the jobs. Raises NoJobs after `within_s` seconds."""
    until = time.monotonic() + within_s
    while True:
        try:
            return list(jobs_of(client, names))
        except NoJobs:
            if time.monotonic() > until:
                raise
        time.sleep(APPEAR_LOOK_S)


def _since(job: RemoteJob) -> str:
    times = (job.model_extra or {}).get("times") or {}
    return moment(datetime.fromisoformat(times["created"])) if times.get("created") else ""


def _where(job: RemoteJob) -> str:
    return f"{job.error.code}: {job.error.message}" if job.error else job.stage
