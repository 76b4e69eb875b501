"""Reports over HTTP: made once, kept, guarded, and true when the upload is gone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from flask.testing import FlaskClient

from service.engine.columns import IMAGE_COLUMNS
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.results.publish import commit, publish_artefacts
from tests.conftest import ASTRONAUT, StorageAccount
from tests.integration.web.conftest import TRACE, make_job, publish

NAME = "<script>alert(1)</script>.png"


def analysed(account: StorageAccount, *, etag: str | None = None) -> AnalysisJob:
    """A finished job on the portrait, under a hostile name; its table has one face of small numbers."""
    own = account.services
    real = account.put(NAME, ASTRONAUT)
    options = JobOptions.resolve("image", "wild", {})
    job = AnalysisJob(account.container, NAME, etag or real, "image", "wild", options)
    record = own.submitter.submit(job, TRACE)
    running = own.table.update(record.claimed("w", "a1", 60, now()))
    place = ResultPlace.of(job, account.settings.results_container)
    table = account.settings.workspace.parent / "table.csv"
    cells = {"face": "0", "confidence": "0.975", "AU12_r": "2.50"}
    table.write_text(",".join(IMAGE_COLUMNS) + "\n" + ",".join(cells.get(name, "") for name in IMAGE_COLUMNS) + "\n")
    manifest = {"schema": 1, "job": {"id": job.job_id, **job.as_dict()}, "engine": {"name": "openface_lite"}}
    publish_artefacts(own.blobs, place, "a1", manifest)
    commit(own.blobs, place, "a1", table, "feed")
    own.table.update(running.succeeded("a1", now()))
    return job


def test_a_report_is_made_once_and_cached(client: FlaskClient, account: StorageAccount) -> None:
    job = analysed(account)
    at = f"/jobs/{job.job_id}"
    assert client.get(at).json["links"]["report"] == f"{at}/report.html"
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: client.application.test_client().get(f"{at}/report.html"), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert b"data:image/jpeg;base64," in answers[0].data
    assert b"<script" not in answers[0].data
    assert b"&lt;script&gt;alert(1)" in answers[0].data
    place = ResultPlace.of(job, account.settings.results_container)
    kept = account.services.blobs.info(place.container, place.artefact("a1", "report.html"))
    summary = client.get(f"{at}/summary.json").json
    assert summary["faces"][0]["action_units"]["AU12"]["intensity"] == 2.5
    assert "openface_lite" in client.get(f"{at}/methods.txt").text
    assert "@misc{" in client.get(f"{at}/citation.bib").text
    again = account.services.blobs.info(place.container, place.artefact("a1", "report.html"))
    assert again.etag == kept.etag


def test_a_cached_report_of_an_older_format_is_made_again(client: FlaskClient, account: StorageAccount) -> None:
    job = analysed(account, etag="0xother")
    place = ResultPlace.of(job, account.settings.results_container)
    old = place.artefact("a1", "report.html")
    account.services.blobs.upload(place.container, old, b"old", content_type="text/html", metadata={"report": "0"})
    page = client.get(f"/jobs/{job.job_id}/report.html")
    assert page.text != "old"
    # It was analysed in another version than the one that is there now: no picture of something else.
    assert "No picture: the upload was overwritten after its analysis." in page.text
    assert "data:image" not in page.text


def test_report_headers_forbid_scripts(client: FlaskClient, account: StorageAccount) -> None:
    record = make_job(account, "x.png", "succeeded")
    answer = client.get(f"/jobs/{record.job.job_id}/report.html")
    assert answer.status_code == 200
    assert "No picture: the upload was deleted." in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox;" in policy
    assert "script" not in policy
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", ["report.html", "summary.json", "methods.txt", "citation.bib"])
def test_a_job_without_a_result_has_no_report(client: FlaskClient, account: StorageAccount, name: str) -> None:
    record = make_job(account, "queued.jpg")
    answer = client.get(f"/jobs/{record.job.job_id}/{name}")
    assert (answer.status_code, answer.json["code"]) == (409, "not_published")
    assert client.get(f"/jobs/{'0' * 32}/{name}").status_code == 404


def test_a_broken_table_is_a_conflict(client: FlaskClient, account: StorageAccount) -> None:
    record = make_job(account, "y.png", "succeeded")
    place = ResultPlace.of(record.job, account.settings.results_container)
    account.services.blobs.upload(
        place.container, place.csv, b"face,confidence\n0,what\n", content_type="text/csv", metadata={"attempt": "a1"}
    )
    answer = client.get(f"/jobs/{record.job.job_id}/report.html")
    assert (answer.status_code, answer.json["code"]) == (409, "report_failed")


def test_the_schema_of_the_summary_is_published(client: FlaskClient) -> None:
    told = client.get("/schema/1").json["summary"]
    assert {"gate", "tracks", "faces", "cautions", "not_measured"} <= set(told["properties"])
    assert json.dumps(told).count("description") > 20


@pytest.mark.parametrize("name", ["overlay", "result.csv", "manifest.json", "results", ""])
def test_results_and_overlays_are_kept_by_no_cache(client: FlaskClient, account: StorageAccount, name: str) -> None:
    record = make_job(account, "x.png", "succeeded")
    publish(account, record)
    answer = client.get(f"/jobs/{record.job.job_id}/{name}".rstrip("/"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")


def test_links_into_storage_carry_the_same_cache_control(client: FlaskClient, account: StorageAccount) -> None:
    record = make_job(account, "x.png", "succeeded")
    publish(account, record)
    links = client.get(f"/jobs/{record.job.job_id}/results?links=sas").json["links"]
    for name in ("csv", "manifest"):
        assert requests.get(links[name], timeout=10).headers["Cache-Control"] == "private, no-store"
