"""A local stack of storage, web and one worker, and one media item's way through it, timed.

Separate because both benchmarks send media through the same stack.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import requests
from azure.storage.blob import BlobServiceClient
from rich.console import Console

from infra.local.node import NodeUnavailable
from infra.local.part import Part, PartFailed
from infra.local.stack import DEFAULT_RUN_FOLDER, LocalStack, StackOptions
from infra.local.up import stop_on_sigterm
from infra.local.upload import upload
from service.jobs.media_kind import Media

BENCH_FOLDER = DEFAULT_RUN_FOLDER / "bench"
RESULTS_CONTAINER = "results"
MEASURED_STEPS = ("fetch", "probe", "prepare", "engine", "results")
STEPS = ("submit", "queue", "claim", *MEASURED_STEPS, "between", "publish")
"""From the request to the visible CSV, without a gap; those in the middle are the worker's own measures."""

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
_ASK_TIME_LIMIT_S = 30.0
_FINISHED = ("succeeded", "failed", "cancelled", "superseded")
_LOOK_AT_JOB_S = 1.0


@dataclass(frozen=True)
class Submitted:
    """A job that was asked for, and when."""

    asked_at: datetime
    id: str
    container: str
    blob: Path

    @property
    def csv(self) -> str:
        """Name of its table in the results container."""
        return f"{self.container}/{self.blob.name}/{self.id}/{self.blob.stem}.csv"


@dataclass(frozen=True)
class PipelineRun:
    """One media item's way, in seconds.

    Attributes:
        seconds: from the request to the CSV being visible.
        settled_s: from the request to the state `succeeded`.
        steps: of `seconds`, by `STEPS`.
    """

    seconds: float
    settled_s: float
    steps: dict[str, float]


@dataclass(frozen=True)
class Site:
    """A running stack, and what is asked of it."""

    stack: LocalStack
    storage: BlobServiceClient

    def submit(self, file: Path, media: Media) -> Submitted:
        """Upload into a new container, then ask for the analysis."""
        container = str(uuid.uuid4())
        upload(self.stack.connection_string, file, container, {})
        url = f"{self.stack.service_url}/analyse/{media}/wild/{container}"
        asked_at = datetime.now(UTC)
        answer = requests.post(url, params={"blob": file.name}, timeout=_ASK_TIME_LIMIT_S)
        answer.raise_for_status()
        return Submitted(asked_at, str(answer.json()["jobs"][0]["id"]), container, file)

    @property
    def workers(self) -> list[Part]:
        """All of them."""
        return [self.stack.worker(number) for number in range(self.stack.options.workers)]

    def fill(self, files: Sequence[Path]) -> str:
        """Upload into a new container; returns its name."""
        container = str(uuid.uuid4())
        client = self.storage.create_container(container)
        for file in files:
            client.upload_blob(file.name, file.read_bytes())
        return container

    def ask_for_all(self, container: str, media: Media) -> list[str]:
        """Ask for every blob of that media in the container, at most 1,000; returns the ids of the jobs."""
        url = f"{self.stack.service_url}/analyse/{media}/wild/{container}"
        answer = requests.post(url, timeout=2 * _ASK_TIME_LIMIT_S)
        if not answer.ok:
            raise PartFailed("web", f"answered {answer.status_code}: {answer.text[:500]}", self.stack.web.log_tail())
        return [str(job["id"]) for job in answer.json()["jobs"]]

    def job(self, submitted: Submitted) -> dict[str, Any]:
        """The job as the service tells it."""
        return self._get(f"jobs/{submitted.id}")

    def finished(self, submitted: Submitted, within_s: float, look_every_s: float = 0.05) -> dict[str, Any]:
        """The job once it has ended, well or not. Raises PartFailed."""
        job = self.job(submitted)
        deadline = time.monotonic() + within_s
        while job["state"] not in _FINISHED:
            self._check(deadline)
            time.sleep(look_every_s)
            job = self.job(submitted)
        return job

    def analyse(self, file: Path, media: Media, within_s: float, look_every_s: float) -> PipelineRun:
        """One media item from a fresh upload to its CSV. Raises PartFailed.

        Args:
            look_every_s: how often storage is asked for the CSV; looking costs a little itself.
        """
        submitted = self.submit(file, media)
        visible_at = self._csv_seen(submitted, within_s, look_every_s)
        job = self.finished(submitted, within_s)
        settled_at = datetime.now(UTC)
        if job["state"] != "succeeded":
            raise self._worker_failed(f"ended the job as {job['state']}: {job['error']}")
        return PipelineRun(
            seconds=_seconds(submitted.asked_at, visible_at),
            settled_s=_seconds(submitted.asked_at, settled_at),
            steps=_steps(submitted.asked_at, visible_at, job["times"], self._get(f"jobs/{submitted.id}/manifest.json")),
        )

    def _csv_seen(self, submitted: Submitted, within_s: float, look_every_s: float) -> datetime:
        csv = self.storage.get_blob_client(RESULTS_CONTAINER, submitted.csv)
        deadline = time.monotonic() + within_s
        look_at_job = time.monotonic() + _LOOK_AT_JOB_S
        while not csv.exists():
            if time.monotonic() > look_at_job:
                self._refuse_failed(submitted, deadline)
                look_at_job = time.monotonic() + _LOOK_AT_JOB_S
            time.sleep(look_every_s)
        return datetime.now(UTC)

    def _refuse_failed(self, submitted: Submitted, deadline: float) -> None:
        self._check(deadline)
        job = self.job(submitted)
        if job["state"] in _FINISHED and job["state"] != "succeeded":
            raise self._worker_failed(f"ended the job as {job['state']}: {job['error']}")

    def _check(self, deadline: float) -> None:
        self.stack.check()
        if time.monotonic() > deadline:
            raise self._worker_failed("took too long")

    def _worker_failed(self, reason: str) -> PartFailed:
        worker = self.stack.worker(0)
        return PartFailed(worker.name, reason, worker.log_tail())

    def _get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.stack.service_url}/{path}", timeout=_ASK_TIME_LIMIT_S)
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def running_site(
    extra_env: dict[str, str] | None = None,
    *,
    workers: int = 1,
    access_log: bool = False,
    storage_in_memory: bool = True,
    one_cpu_each: bool = False,
) -> Iterator[Site]:
    """A stack without functions, in a folder of its own that is gone afterwards.

    Its storage is in memory: a disk that many share makes the emulator wait for a second now and then, and all with it.
    """
    with (
        scratch_folder() as folder,
        LocalStack(
            StackOptions(
                run_folder=folder,
                workers=workers,
                with_functions=False,
                access_log=access_log,
                storage_in_memory=storage_in_memory,
                one_cpu_each=one_cpu_each,
                extra_env=extra_env or {},
            )
        ) as stack,
        BlobServiceClient.from_connection_string(stack.connection_string) as storage,
    ):
        yield Site(stack, storage)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, removed with all it holds at the end."""
    BENCH_FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=BENCH_FOLDER))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_benchmark(console: Console, measure: Callable[[], None]) -> None:
    """Run to the end, or tell in a sentence why not; either way no process is left."""
    stop_on_sigterm()
    try:
        measure()
    except KeyboardInterrupt:
        console.print("stopped")
        sys.exit(EXIT_INTERRUPTED)
    except (PartFailed, NodeUnavailable, requests.RequestException, FileNotFoundError) as error:
        click.echo(f"failed: {error}", err=True)
        sys.exit(EXIT_FAILED)


def _steps(
    asked_at: datetime, visible_at: datetime, times: dict[str, str], manifest: dict[str, Any]
) -> dict[str, float]:
    """The whole way in pieces that follow one another; all clocks are this machine's."""
    created, claimed = (datetime.fromisoformat(times[name]) for name in ("created", "started"))
    began = datetime.fromisoformat(manifest["attempt"]["started"])
    measured = {name: float(manifest["seconds"][name]) for name in MEASURED_STEPS}
    total = float(manifest["seconds"]["total"])
    return {
        "submit": _seconds(asked_at, created),
        "queue": _seconds(created, claimed),
        "claim": _seconds(claimed, began),
        **measured,
        "between": total - sum(measured.values()),
        "publish": _seconds(began, visible_at) - total,
    }


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()
