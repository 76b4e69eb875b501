"""Reports made by a worker (REPORTS_BY): asked for through a queue of their own, awaited by web."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.jobs.result_place import ResultPlace
from service.results.report import cache
from service.results.report.cache import FAILURE, ReportCache
from service.results.study.make import StudyMaker
from service.web.services import Services
from service.worker.report_thread import ReportThread
from service.worker.shutdown import Shutdown
from tests.conftest import StorageAccount
from tests.integration.web.conftest import client_of, make_job
from tests.integration.web.test_reports import analysed
from tests.integration.worker.conftest import Bench


@pytest.fixture
def services(account: StorageAccount) -> Services:
    made = Services.connect(account.settings.model_copy(update={"reports_by": "worker"}))
    made.create_storage()
    return made


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return client_of(services)


@contextmanager
def worker(services: Services, folder: Path) -> Iterator[None]:
    settings = services.settings
    container = settings.results_container

    def studies() -> StudyMaker:
        return StudyMaker(services.table, services.blobs, container, folder)

    def reports() -> ReportCache:
        return ReportCache(services.blobs, folder)

    thread = ReportThread(
        requests=services.report_queue,
        table=services.table,
        blobs=services.blobs,
        reports=reports,
        studies=studies,
        results_container=container,
        shutdown=Shutdown(0.0),
    )
    with thread:
        yield


def test_web_answers_with_the_report_that_a_worker_made(
    client: FlaskClient, services: Services, account: StorageAccount
) -> None:
    job = analysed(account)
    # Web cannot make one.
    services.reports._maker = None
    with Bench(account).worker(reports_by="worker"):
        answer = client.get(f"/jobs/{job.job_id}/report.html")
        assert answer.status_code == 200, answer.text
        assert b"data:image/jpeg;base64," in answer.data
        assert client.get(f"/jobs/{job.job_id}/summary.json").json["faces"]
        # A text that is no job, and a job that is not there, end nothing.
        for text in ("no job", "0" * 32):
            services.report_queue.send(text)
        assert client.get(f"/jobs/{analysed(account, etag='0xother').job_id}/report.html").status_code == 200
    assert services.report_queue.length() == 0
    # A request among the jobs would be set aside as none.
    assert services.queue.poison_length() == 0


def test_a_report_that_cannot_be_made_is_a_conflict(
    client: FlaskClient, services: Services, account: StorageAccount, tmp_path: Path
) -> None:
    record = make_job(account, "y.png", "succeeded")
    place = ResultPlace.of(record.job, account.settings.results_container)
    services.blobs.upload(
        place.container, place.csv, b"face,confidence\n0,what\n", content_type="text/csv", metadata={"attempt": "a1"}
    )
    with worker(services, tmp_path / "worker"):
        answer = client.get(f"/jobs/{record.job.job_id}/report.html")
    assert (answer.status_code, answer.json["code"]) == (409, "report_failed")
    assert services.blobs.info(place.container, place.artefact("a1", FAILURE))
    # Without another look at the worker, for a while.
    assert client.get(f"/jobs/{record.job.job_id}/report.html").status_code == 409


def test_without_a_worker_callers_are_asked_to_wait_and_one_request_is_queued(
    client: FlaskClient, services: Services, account: StorageAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORKER_WAIT_S", 0.1)
    job = analysed(account)
    for _ in range(2):
        answer = client.get(f"/jobs/{job.job_id}/report.html")
        assert (answer.status_code, answer.json["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
    assert services.report_queue.length() == 1
