"""`status`, `watch` and `download`: jobs of a service somewhere else."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

import click

from service.cli.output import echo_json, echo_rows, moment
from service.cli.service_session import NoJobs, jobs_of, reaching, showing, with_at_once, with_json, with_report
from service.client.client import Client
from service.client.models import RemoteJob
from service.client.result_folder import ResultFolder, safe_name
from service.client.send import Sent, bring
from service.client.two_stage_pool import in_two_steps

ID_DIGITS = 12
"""Of a job's id in the name of its folder."""
APPEAR_LOOK_S = 0.5

_WHICH = click.argument("names", nargs=-1, required=True, metavar="JOB|CONTAINER...")


@click.command()
@_WHICH
@with_json
@reaching
def status(client: Client, stop: threading.Event, names: tuple[str, ...], as_json: bool) -> None:
    """Show where jobs are: given by their ids (32 hex digits), or all of a container."""
    found = jobs_of(client, names)
    if as_json:
        for job in found:
            echo_json(job.model_dump(mode="json"))
        return
    rows = [(job.id, job.state, f"{job.progress:.0%}", _since(job), _where(job), job.blob) for job in found]
    echo_rows(("ID", "STATE", "DONE", "CREATED (UTC)", "WHERE IT IS", "BLOB"), rows)


@click.command()
@_WHICH
@click.option(
    "--appear-s",
    type=click.FloatRange(0),
    default=0.0,
    help="Wait so many seconds for a container's first job, which an upload's event starts.",
)
@with_at_once
@with_json
@reaching
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
@reaching
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

    Each gets a folder below --out, named by its blob and the beginning of its id. A result comes whole or not at all:
    its CSV is held to the SHA-256 that was published. What is there and whole is kept.
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
    with showing(len(jobs), as_json=as_json) as display:

        def brought(job: RemoteJob) -> Sent:
            folder = ResultFolder(out / folder_name(job)) if out else None
            return bring(client, job, folder, _name(job), display.watch, with_report=report)

        for sent in in_two_steps(jobs, lambda job: job, brought, at_once=at_once, stop=stop):
            display.done(sent)


def folder_name(job: RemoteJob) -> str:
    """Of a job's results: to be read, and no other job's."""
    return f"{safe_name(job.blob)}~{job.id[:ID_DIGITS]}"


def _name(job: RemoteJob) -> str:
    return f"{job.blob} {job.id[:ID_DIGITS]}"


def _await_jobs(client: Client, names: tuple[str, ...], within_s: float) -> list[RemoteJob]:
    """The jobs, once everything that was named has one. Raises NoJobs when the time is over."""
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
