import hashlib
import hmac
import json
import time

import pytest
from errors import RetryLater

from tests.cloud_function.app_under_test import TRACE_ID, TRACEPARENT

JOB_ID = "0123456789abcdef0123456789abcdef"
CSV = f"c1/p.jpg/{JOB_ID}/p.csv"
SECRET = "a secret of sixteen or more"
PUBLISHED = {
    "job_id": JOB_ID,
    "container": "c1",
    "blob": "p.jpg",
    "media": "image",
    "media_type": "wild",
    "attempt": "attempt-1",
    "csv_sha256": "ab" * 32,
    "links": {"csv": "http://storage/p.csv?sig=x", "manifest": "http://storage/m", "expires": "2030-01-01"},
    "manifest": {"schema": 1, "faces": 1},
}


@pytest.fixture
def call_next_stage(load_app, service, receiver):
    service.answers[f"/jobs/{JOB_ID}/results"] = (200, PUBLISHED)
    return load_app(NEXT_STAGE_URL=f"{receiver.url}/begin", NEXT_STAGE_SECRET=SECRET)["call_next_stage"]


def test_the_receiver_gets_the_results_signed(call_next_stage, created, service, receiver, decisions):
    call_next_stage(created("results", CSV))
    (question,), (told,) = service.requests, receiver.requests
    assert question.query == {"links": "sas"}
    assert question.headers["traceparent"] == told.headers["traceparent"] == TRACEPARENT
    assert (told.method, told.path) == ("POST", "/begin")
    assert told.headers["idempotency-key"] == JOB_ID
    body = json.loads(told.body)
    assert body["links"] == PUBLISHED["links"]
    assert body["manifest"] == PUBLISHED["manifest"]
    assert (body["job_id"], body["container"], body["blob"]) == (JOB_ID, "c1", "p.jpg")
    (line,) = decisions()
    assert (line["event"], line["job_ids"], line["trace_id"]) == ("next_stage.called", [JOB_ID], TRACE_ID)


def test_the_signature_verifies_as_documented(call_next_stage, created, receiver):
    call_next_stage(created("results", CSV))
    (told,) = receiver.requests
    timestamp = told.headers["x-signature-timestamp"]
    assert abs(time.time() - int(timestamp)) < 300
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + told.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(f"sha256={expected}", told.headers["x-signature"])
    forged = hmac.new(SECRET.encode(), timestamp.encode() + b"." + told.body + b" ", hashlib.sha256)
    assert told.headers["x-signature"] != f"sha256={forged.hexdigest()}"


@pytest.mark.parametrize("status", [302, 400, 404, 409, 410, 429, 500, 503])
def test_a_receiver_that_does_not_take_it_is_called_again(call_next_stage, created, receiver, status):
    receiver.status = status
    receiver.headers = {"Location": "/elsewhere"} if status == 302 else {}
    with pytest.raises(RetryLater):
        call_next_stage(created("results", CSV))
    assert len(receiver.requests) == 1


def test_an_unknown_job_is_not_announced(call_next_stage, created, service, receiver, decisions):
    service.answers[f"/jobs/{JOB_ID}/results"] = (404, {"code": "job_not_found"})
    call_next_stage(created("results", CSV))
    assert not receiver.requests
    assert [(line["event"], line["code"]) for line in decisions()] == [("next_stage.no_results", "job_not_found")]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, {"code": "not_published"}) for status in (401, 409, 429, 500, 503)),
        (404, b"<h1>no replica</h1>"),
        (200, b"<h1>Sign in</h1>"),
        (200, {}),
        (200, PUBLISHED | {"job_id": "f" * 32}),
    ],
)
def test_results_that_cannot_be_had_yet_are_requested_again(call_next_stage, created, service, receiver, status, body):
    service.answers[f"/jobs/{JOB_ID}/results"] = (status, body)
    with pytest.raises(RetryLater):
        call_next_stage(created("results", CSV))
    assert not receiver.requests


@pytest.mark.parametrize("blob", ["c1/p.jpg", f"c1/p.jpg/{JOB_ID}/attempt-1/manifest.json", "p.csv"])
def test_other_blobs_announce_nothing(call_next_stage, created, service, receiver, blob):
    call_next_stage(created("results", blob))
    assert not service.requests
    assert not receiver.requests


def test_an_upload_announces_nothing(call_next_stage, created, service):
    call_next_stage(created("c1", "p.jpg"))
    assert not service.requests


def test_without_a_next_stage_nobody_is_asked(load_app, created, service, decisions):
    load_app()["call_next_stage"](created("results", CSV))
    assert not service.requests
    assert [line["event"] for line in decisions()] == ["next_stage.not_configured"]


def test_plain_links_where_the_receiver_has_its_own_identity(load_app, created, service, receiver):
    service.answers[f"/jobs/{JOB_ID}/results"] = (200, PUBLISHED)
    environ = {"NEXT_STAGE_URL": receiver.url, "NEXT_STAGE_SECRET": SECRET, "NEXT_STAGE_LINKS": "plain"}
    load_app(**environ)["call_next_stage"](created("results", CSV))
    assert service.requests[0].query == {"links": "plain"}
