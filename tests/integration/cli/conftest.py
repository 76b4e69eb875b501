"""The command line on storage of the test's own, in this process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.__main__ import main
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.options import JobOptions
from service.jobs.poison import PoisonQueue
from service.logs import log
from service.settings import Settings
from tests.conftest import StorageAccount, log_plainly
from tests.integration.worker.conftest import TRACE, Bench


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """A command sends all log lines to its own standard error; that must not outlive it here."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], _ = before
        root.setLevel(before[1])
        log_plainly()
        vars(log).pop("bind", None)


@dataclass(frozen=True)
class CommandLine:
    """Runs commands with these settings."""

    environ: dict[str, str]

    def __call__(self, *arguments: str, **environ: str) -> Result:
        with _logging_as_it_was():
            return CliRunner().invoke(main, list(arguments), env=self.environ | environ)

    def json(self, *arguments: str, **environ: str) -> list[dict[str, Any]]:
        done = self(*arguments, "--json", **environ)
        return [json.loads(line) for line in done.stdout.splitlines()]


def environ_of(settings: Settings) -> dict[str, str]:
    text = settings.azure_storage_connection_string
    return {
        "AZURE_STORAGE_CONNECTION_STRING": text.get_secret_value() if text else "",
        "QUEUE_NAME": settings.queue_name,
        "TABLE_NAME": settings.table_name,
        "RESULTS_CONTAINER": settings.results_container,
        "WORKSPACE": str(settings.workspace),
    }


@pytest.fixture
def command_line(account: StorageAccount) -> CommandLine:
    return CommandLine(environ_of(account.settings))


@dataclass(frozen=True)
class Office:
    """Jobs and set-aside messages, made without a worker."""

    account: StorageAccount

    def job(self, name: str = "a.jpg", etag: str = "0x1") -> AnalysisJob:
        options = JobOptions.resolve("image", "posed", {})
        return AnalysisJob(self.account.container, name, etag, "image", "posed", options)

    def submit(self, name: str = "a.jpg") -> AnalysisJob:
        job = self.job(name)
        self.account.services.submitter.submit(job, TRACE)
        return job

    def set_aside(self, *texts: str) -> None:
        for text in texts:
            self.account.services.queue.send_to_poison(text)

    def message(self, job: AnalysisJob) -> str:
        return QueuedJob(job, TRACE).encode()

    @property
    def submitter(self) -> PoisonQueue:
        own = self.account.services
        return PoisonQueue(own.queue, own.table, own.submitter)

    def texts(self) -> list[str]:
        return sorted(self.account.services.queue.poisoned())


@pytest.fixture
def office(account: StorageAccount) -> Office:
    return Office(account)


@pytest.fixture
def bench(account: StorageAccount) -> Bench:
    return Bench(account)
