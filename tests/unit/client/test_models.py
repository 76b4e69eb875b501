"""Responses of a service: of newer versions, of proxies, and of none."""

from __future__ import annotations

import json

import pytest
import requests

from service.client.models import (
    FilePlace,
    RemoteJob,
    ServiceRefused,
    invalid_response,
    parse_body,
    parse_list,
    parse_text,
    refused,
    unreachable,
)

JOB = {
    "id": "a" * 32,
    "state": "queued",
    "stage": "",
    "progress": 0,
    "container": "c",
    "blob": "a.jpg",
    "media": "image",
    "media_type": "wild",
}


def response(body: bytes, status: int = 200, reason: str = "OK") -> requests.Response:
    made = requests.Response()
    made.status_code, made.reason, made._content = status, reason, body
    return made


def test_fields_of_a_newer_version_are_kept() -> None:
    job = parse_body(RemoteJob, response(json.dumps(JOB | {"cost": 3}).encode()))
    assert job.model_extra == {"cost": 3}
    assert not job.is_finished
    assert parse_text(RemoteJob, json.dumps(JOB | {"state": "cancelled"})).is_finished


@pytest.mark.parametrize("change", [{"id": "A" * 32}, {"id": "../x"}, {"state": "dancing"}, {"media": "sound"}])
def test_a_job_of_another_form_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ServiceRefused, match="not a RemoteJob") as odd:
        parse_text(RemoteJob, json.dumps(JOB | change))
    assert odd.value.code == "strange_answer"


def test_a_list_is_parsed_and_anything_else_is_refused() -> None:
    assert [job.blob for job in parse_list(RemoteJob, response(json.dumps([JOB]).encode()))] == ["a.jpg"]
    for body in (b"{}", b"", b"<html>", b"[{}]"):
        with pytest.raises(ServiceRefused, match="no list of RemoteJob"):
            parse_list(RemoteJob, response(body))
    assert parse_text(FilePlace, '{"upload": null}').upload is None


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (b'{"code": "forbidden", "detail": "no"}', "forbidden", "no"),
        (b"<html>Bad Gateway</html>", "http_502", "502 Bad Gateway"),
        (b'"text"', "http_502", "502 Bad Gateway"),
        (b'{"code": "x"}', "http_502", "502 Bad Gateway"),
        (b"", "http_502", "502 Bad Gateway"),
    ],
)
def test_a_refusal_is_a_problem_or_a_proxys_page(body: bytes, code: str, detail: str) -> None:
    error = refused(response(body, 502, "Bad Gateway"))
    assert (error.status, error.code, str(error)) == (502, code, detail)


def test_a_failed_connection_tells_its_reason_and_not_its_wrapper() -> None:
    inner = OSError("Connection refused")
    wrapped = requests.ConnectionError(type("MaxRetryError", (Exception,), {"reason": inner})())
    assert str(unreachable("GET", "/jobs", wrapped)) == "no answer to GET /jobs: Connection refused"
    assert str(unreachable("GET", "/jobs", TimeoutError("late"))) == "no answer to GET /jobs: late"
    assert invalid_response(response(b""), ValueError("odd")).code == "strange_answer"
