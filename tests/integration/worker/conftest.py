"""A worker of the test's own, run in a thread until the queue is empty."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from service import wiring
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import Media
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord
from service.jobs.result_place import ResultPlace
from service.sandbox.workspace import Workspace
from service.worker.receiver import FOREVER, Lifetime
from service.worker.shutdown import Shutdown
from service.worker.worker import Worker
from tests.conftest import StorageAccount
from tests.fixtures.media_made import FAKES

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@dataclass
class Bench:
    """Storage, and workers with an engine of the test's choice over it."""

    account: StorageAccount

    def submit(self, name: str, content: bytes, media: Media = "image") -> AnalysisJob:
        etag = self.account.put(name, content)
        job = AnalysisJob(self.account.container, name, etag, media, "posed", JobOptions.resolve(media, "posed", {}))
        self.account.services.submitter.submit(job, TRACE)
        return job

    @contextmanager
    def worker(
        self,
        behaviour: str = "ok",
        *,
        pipeline_parts: Mapping[str, Any] | None = None,
        lifetime: Lifetime = FOREVER,
        **settings: object,
    ) -> Iterator[tuple[Worker, list[int]]]:
        """A running worker and its exit code, once it has one. Stopped gently at the end.

        `pipeline_parts` replaces fields of its pipeline.
        """
        own = self.account.settings.model_copy(update={"openface_bin_dir": FAKES / behaviour, **settings})
        shutdown = Shutdown(own.shutdown_grace_s)
        codes: list[int] = []
        with closing(Workspace(own.workspace)) as workspace:
            worker = wiring.worker(own, self.account.services, workspace, shutdown, lifetime)
            if pipeline_parts:
                pipeline = replace(worker.context.pipeline, **pipeline_parts)
                worker = replace(worker, context=replace(worker.context, pipeline=pipeline))
            thread = threading.Thread(target=lambda: codes.append(worker.run()))
            thread.start()
            try:
                yield worker, codes
            finally:
                shutdown.ask()
                thread.join(60)
                assert not thread.is_alive()
                worker.close()

    def record(self, job: AnalysisJob) -> JobRecord:
        return self.account.services.table.get(job.job_id)

    def finished(self, job: AnalysisJob, within_s: float = 30) -> JobRecord:
        self.until(lambda: self.record(job).is_finished, within_s)
        return self.record(job)

    def until(self, reached: Callable[[], bool], within_s: float = 30) -> None:
        deadline, pause_s = time.monotonic() + within_s, 0.04
        while not reached():
            assert time.monotonic() < deadline, "took too long"
            time.sleep(pause_s)
            # Each look is a request, and costs the processor that is waited for.
            pause_s = min(1.2 * pause_s, 0.25)

    def settled(self, within_s: float = 30) -> None:
        """Wait until no message is left, visible or hidden."""
        self.until(lambda: self.account.services.queue.length() == 0, within_s)

    def place(self, job: AnalysisJob) -> ResultPlace:
        return ResultPlace.of(job, self.account.settings.results_container)

    def published(self) -> list[str]:
        """Names of all result blobs."""
        return [blob.name for blob in self.account.services.blobs.page(self.account.settings.results_container).blobs]

    def csvs(self) -> list[str]:
        return [name for name in self.published() if name.endswith(".csv")]

    def manifest(self, job: AnalysisJob) -> dict[str, Any]:
        import json

        record = self.record(job)
        attempt = record.attempt_published or record.attempt_id
        place = self.place(job)
        return dict(json.loads(self.account.services.blobs.read(place.container, place.manifest(attempt))))


@pytest.fixture
def bench(account: StorageAccount) -> Bench:
    return Bench(account)
