"""`/jobs`: states, lists, orders, results."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.results.publish import commit, publish_artefacts
from tests.conftest import StorageAccount

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
def record(account: StorageAccount) -> JobRecord:
    job = AnalysisJob(account.container, "ü 1.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    return account.services.submitter.submit(job, TRACE)


def _publish(account: StorageAccount, record: JobRecord, tmp_csv: bytes = b"face,confidence\n") -> ResultPlace:
    place = ResultPlace.of(record.job, account.settings.results_container)
    path = account.settings.workspace.parent / "t.csv"
    path.write_bytes(tmp_csv)
    publish_artefacts(account.services.blobs, place, "a1", {"schema": 1, "faces": 0})
    commit(account.services.blobs, place, "a1", path, "feed")
    return place


def test_a_job_shows_its_state(client: FlaskClient, record: JobRecord) -> None:
    job = client.get(f"/jobs/{record.job.job_id}").json
    assert (job["state"], job["progress"], job["attempts"], job["error"]) == ("queued", 0.0, 0, None)
    assert job["trace_id"] == "a" * 32
    assert set(job["links"]) == {"self", "events", "cancel"}


@pytest.mark.parametrize(("job_id", "status"), [("0" * 32, 404), ("x", 400), ("A" * 32, 400)])
def test_unknown_jobs_are_not_found(client: FlaskClient, job_id: str, status: int) -> None:
    for path in ("", "/results", "/result.csv", "/manifest.json", "/events"):
        answer = client.get(f"/jobs/{job_id}{path}")
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_lists_by_container_and_state(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    for query in ("", f"?container={account.container}", "?state=queued"):
        assert [job["id"] for job in client.get(f"/jobs{query}").json["jobs"]] == [record.job.job_id]
    for query in ("?container=another", "?state=failed"):
        assert client.get(f"/jobs{query}").json == {"jobs": [], "cursor": None}
    assert client.get("/jobs?state=lost").status_code == 400
    assert client.get("/jobs?cursor=made-up").json["code"] == "bad_cursor"


def test_text_filters_by_names(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    found = client.get("/jobs", query_string={"text": "Ü 1"}).json["jobs"]
    assert [job["id"] for job in found] == [record.job.job_id]
    assert client.get("/jobs", query_string={"text": account.container[:9]}).json["jobs"] == found
    assert client.get("/jobs", query_string={"text": "ü 2"}).json == {"jobs": [], "cursor": None}
    assert client.get("/jobs?text=").status_code == 400


def test_a_waiting_job_is_cancelled_once(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    job_id = record.job.job_id
    answer = client.post(f"/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json["state"]) == (202, "cancelled")
    again = client.post(f"/jobs/{job_id}/cancel")
    assert (again.status_code, again.json["code"]) == (409, "already_finished")


def test_cancelling_a_running_job_requests_it_of_the_worker(
    client: FlaskClient, account: StorageAccount, record: JobRecord
) -> None:
    account.services.table.update(record.claimed("w", "a1", 60, now()))
    answer = client.post(f"/jobs/{record.job.job_id}/cancel")
    assert (answer.status_code, answer.json["state"]) == (202, "running")
    assert account.services.table.get(record.job.job_id).cancel_requested


def test_rerun_is_a_new_generation(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    job_id = record.job.job_id
    early = client.post(f"/jobs/{job_id}/rerun")
    assert (early.status_code, early.json["code"]) == (409, "not_finished")
    client.post(f"/jobs/{job_id}/cancel")
    first = client.post(f"/jobs/{job_id}/rerun")
    assert (first.status_code, first.json["generation"], first.json["state"]) == (202, 1, "queued")
    assert client.post(f"/jobs/{job_id}/rerun").json["id"] == first.json["id"]
    client.post(f"/jobs/{first.json['id']}/cancel")
    assert client.post(f"/jobs/{job_id}/rerun").json["generation"] == 2


def test_results_exist_only_after_publishing(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    job_id = record.job.job_id
    for path in ("results", "result.csv", "manifest.json"):
        answer = client.get(f"/jobs/{job_id}/{path}")
        assert (answer.status_code, answer.json["code"]) == (409, "not_published")
    place = _publish(account, record)
    results = client.get(f"/jobs/{job_id}/results").json
    assert (results["job_id"], results["attempt"], results["csv_sha256"]) == (job_id, "a1", "feed")
    assert results["manifest"] == {"schema": 1, "faces": 0}
    assert results["links"]["expires"] is None
    assert results["links"]["csv"].endswith(f"{job_id}/%C3%BC%201.csv")
    csv = client.get(f"/jobs/{job_id}/result.csv")
    assert (csv.data, csv.content_type) == (b"face,confidence\n", "text/csv; charset=utf-8")
    assert "filename*=UTF-8''%C3%BC%201.csv" in csv.headers["Content-Disposition"]
    assert client.get(f"/jobs/{job_id}/manifest.json").json == {"schema": 1, "faces": 0}
    assert place.stem == "ü 1"


def test_signed_links_open_without_credentials(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    import urllib.request

    _publish(account, record)
    links = client.get(f"/jobs/{record.job.job_id}/results?links=sas").json["links"]
    with urllib.request.urlopen(links["csv"]) as answer:
        assert answer.read() == b"face,confidence\n"
    assert links["expires"] > now().isoformat()


def test_a_finished_job_links_to_its_results(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    _publish(account, record)
    table = account.services.table
    table.update(table.update(record.claimed("w", "a1", 60, now())).succeeded("a1", now()))
    links = client.get(f"/jobs/{record.job.job_id}").json["links"]
    made = {"report", "summary", "methods", "citation", "parquet", "archive", "faces"}
    assert set(links) == {"self", "events", "rerun", "results", "csv", "manifest", "media"} | made
    for name in ("results", "csv", "manifest"):
        assert client.get(links[name]).status_code == 200


def test_events_end_with_the_job(client: FlaskClient, account: StorageAccount, record: JobRecord) -> None:
    client.post(f"/jobs/{record.job.job_id}/cancel")
    answer = client.get(f"/jobs/{record.job.job_id}/events")
    assert answer.mimetype == "text/event-stream"
    text = answer.get_data(as_text=True)
    assert "event: job\ndata: {" in text
    assert '"state": "cancelled"' in text.split("event: end\n")[1]


def test_health_and_readiness_are_told(client: FlaskClient) -> None:
    assert client.get("/healthz").json["status"] == "ok"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")
    assert all(check["ok"] for check in ready.json["checks"].values())


def test_the_document_describes_every_route(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.")
    described = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, operations in document["paths"].items()
        for method in operations
    }
    app = client.application
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.split(".")[0] in {"analyse", "jobs", "health"}
    }
    assert served <= described
    assert client.get("/docs/swagger").status_code == 200


def test_wrong_methods_are_answered_with_allow(client: FlaskClient) -> None:
    answer = client.delete("/jobs")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]
