"""`python -m infra.local.demo`: a photo and a video through the whole pipeline, upload to results.

Separate because it is the first thing a newcomer runs: it says yes only for results that are whole.
"""

import shutil
import signal
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import requests
from azure.storage.blob import BlobServiceClient
from rich.console import Console

from infra.local.demo_display import JobProgress, new_console, results_table
from infra.local.demo_media import make_clip
from infra.local.demo_results import DemoResult, NotWhole, checked_result, fetch_results
from infra.local.node import NodeUnavailable
from infra.local.part import Part, PartFailed
from infra.local.stack import DEFAULT_RUN_FOLDER, REPOSITORY, LocalStack, StackOptions
from infra.local.up import stop_on_sigterm
from infra.local.upload import upload

PORTRAIT = REPOSITORY / "tests" / "media" / "astronaut.png"
RESULTS_FOLDER = REPOSITORY / "demo-results"
RESULTS_CONTAINER = "results"
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130

_NO_JOB_WITHIN_S = 30.0
_POLL_S = 0.25
_FINISHED = ("succeeded", "failed", "cancelled", "superseded")


@dataclass(frozen=True)
class _Uploaded:
    container: str
    name: str


@click.command()
@click.option("--time-limit-s", default=180.0, show_default=True, help="Give up after this.")
def main(time_limit_s: float) -> None:
    """Start the local stack, upload a portrait and a clip, show what was measured, stop."""
    stop_on_sigterm()
    console = new_console()
    DEFAULT_RUN_FOLDER.mkdir(exist_ok=True)
    run_folder = Path(tempfile.mkdtemp(prefix="demo-", dir=DEFAULT_RUN_FOLDER))
    try:
        results = _run(console, run_folder, time_limit_s)
    except KeyboardInterrupt:
        console.print("stopped")
        # Ctrl-C again while the folder goes must not leave a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        shutil.rmtree(run_folder, ignore_errors=True)
        sys.exit(EXIT_INTERRUPTED)
    except (PartFailed, NodeUnavailable, NotWhole, FileNotFoundError) as error:
        console.print(f"failed: {error}", markup=False, highlight=False)
        console.print(f"logs: {run_folder / 'logs'}", markup=False, highlight=False)
        sys.exit(EXIT_FAILED)
    shutil.rmtree(run_folder, ignore_errors=True)
    console.print(results_table(results))
    for result in results:
        # Outside the table: a path that a narrow terminal wraps cannot be copied.
        click.echo(result.csv_file.relative_to(REPOSITORY))


def _run(console: Console, run_folder: Path, time_limit_s: float) -> list[DemoResult]:
    console.print("making the clip, starting storage, web, worker and function app …", highlight=False)
    clip = run_folder / "moving-face.mp4"
    make_clip(PORTRAIT, clip)
    with LocalStack(StackOptions(run_folder=run_folder)) as stack:
        uploads = [_upload(stack, PORTRAIT), _upload(stack, clip)]
        with JobProgress(console) as progress:
            jobs = _finished_jobs(stack, uploads, progress, time_limit_s)
        with BlobServiceClient.from_connection_string(stack.connection_string) as storage:
            results = storage.get_container_client(RESULTS_CONTAINER)
            fetch_results(results, RESULTS_FOLDER)
            return [checked_result(results, RESULTS_FOLDER, job) for job in jobs]


def _upload(stack: LocalStack, file: Path) -> _Uploaded:
    container = str(uuid.uuid4())
    upload(stack.connection_string, file, container, {"media_type": "wild"})
    return _Uploaded(container, file.name)


def _finished_jobs(
    stack: LocalStack, uploads: list[_Uploaded], progress: JobProgress, time_limit_s: float
) -> list[dict[str, Any]]:
    """The jobs of the uploads once all have ended well. Raises PartFailed."""
    began = time.monotonic()
    while True:
        stack.check()
        jobs = [_job_of(stack, each) for each in uploads]
        for each, job in zip(uploads, jobs, strict=True):
            _show(each, job, progress)
            _refuse_failed(stack, each, job)
        found = [job for job in jobs if job]
        if len(found) == len(uploads) and all(job["state"] == "succeeded" for job in found):
            return found
        waited_s = time.monotonic() - began
        if len(found) < len(uploads) and waited_s > _NO_JOB_WITHIN_S:
            raise _gave_up(stack.functions, f"submitted no job within {_NO_JOB_WITHIN_S:.0f} s")
        if waited_s > time_limit_s:
            raise _gave_up(stack.worker(0), f"did not finish within {time_limit_s:.0f} s")
        time.sleep(_POLL_S)


def _job_of(stack: LocalStack, uploaded: _Uploaded) -> dict[str, Any] | None:
    try:
        query = {"container": uploaded.container}
        answer = requests.get(f"{stack.service_url}/jobs", params=query, timeout=10)
        answer.raise_for_status()
        jobs = answer.json()["jobs"]
    except (requests.RequestException, ValueError, KeyError) as error:
        raise _gave_up(stack.web, f"did not list its jobs: {error}") from error
    return jobs[0] if jobs else None


def _show(uploaded: _Uploaded, job: dict[str, Any] | None, progress: JobProgress) -> None:
    if job is None:
        progress.show(uploaded.name, "uploaded", 0.0)
    elif job["state"] == "running":
        progress.show(uploaded.name, str(job["stage"]), float(job["progress"]))
    else:
        progress.show(uploaded.name, str(job["state"]), float(job["state"] in _FINISHED))


def _refuse_failed(stack: LocalStack, uploaded: _Uploaded, job: dict[str, Any] | None) -> None:
    if job is not None and job["state"] in _FINISHED and job["state"] != "succeeded":
        error = job.get("error") or {}
        why = f"{error.get('code', '')} {error.get('message', '')}".strip()
        raise _gave_up(stack.worker(0), f"ended the job of {uploaded.name} as {job['state']}: {why}")


def _gave_up(part: Part, reason: str) -> PartFailed:
    return PartFailed(part.name, reason, part.log_tail())


if __name__ == "__main__":
    main()
