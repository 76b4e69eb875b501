"""The client against a server on loopback that misbehaves."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from infra.local.loopback import free_port
from service.client.client import Client
from service.client.models import ServiceRefused, ServiceUnreachable, Stopped
from service.storage.local_files import sha256_of
from tests.cloud_function.stand_in import serving
from tests.fixtures.scripted_service import JOB, Scripted, said


def job_in(state: str, progress: float = 0.0) -> dict[str, Any]:
    return {
        "id": JOB,
        "state": state,
        "stage": state,
        "progress": progress,
        "container": "c-1",
        "blob": "a.jpg",
        "media": "image",
        "media_type": "wild",
        "error": None,
    }


def busy() -> Response:
    return said({"code": "busy", "detail": "busy"}, 503, **{"Retry-After": "0"})


def test_busy_responses_are_retried_and_uploads_sent_whole(tmp_path: Path) -> None:
    file = tmp_path / "a b.jpg"
    file.write_bytes(bytes(range(256)) * 300)
    seen: list[int] = []
    server = Scripted(script={"PUT /uploads/c-1": [busy(), busy(), said({}, 201)]})
    with serving(server), Client(server.url, "mak_secret") as client:
        client.upload(
            file,
            "c-1",
            "a b.jpg",
            sha256=sha256_of(file),
            media_type="posed",
            on_bytes=lambda done, _: seen.append(done),
        )
    assert [asked.body for asked in server.requests] == [file.read_bytes()] * 3
    last = server.requests[-1]
    assert last.query == {"blob": "a b.jpg", "media_type": "posed"}
    assert last.headers["x-content-sha256"] == sha256_of(file)
    assert last.headers["content-length"] == str(file.stat().st_size)
    assert last.headers["x-api-key"] == "mak_secret"
    assert "mak_secret" not in json.dumps(last.query) + last.path
    # It went back to the beginning for each try.
    assert seen.count(16384) == 3
    assert max(seen) == file.stat().st_size


def test_final_refusals_are_not_retried() -> None:
    server = Scripted(script={f"GET /jobs/{JOB}": [said({"code": "forbidden", "detail": "no"}, 403)]})
    with serving(server), Client(server.url) as client, pytest.raises(ServiceRefused, match="no") as refused:
        client.job(JOB)
    assert (refused.value.status, refused.value.code, len(server.requests)) == (403, "forbidden", 1)


def test_a_redirect_is_not_followed() -> None:
    server = Scripted(script={f"GET /jobs/{JOB}": [Response("", 307, {"Location": "/elsewhere"})]})
    with serving(server), Client(server.url, "mak_secret") as client, pytest.raises(ServiceRefused, match="307"):
        client.job(JOB)
    assert [asked.path for asked in server.requests] == [f"/jobs/{JOB}"]


def test_an_unreachable_service_is_reported() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", retries=1) as client, pytest.raises(ServiceUnreachable):
        client.job(JOB)


@pytest.mark.parametrize("url", ["ftp://x", "x:80", "http://", "http://user:word@x"])
def test_invalid_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the http"):
        Client(url)


def test_an_invalid_response_is_reported() -> None:
    server = Scripted(script={f"GET /jobs/{JOB}": [said({"state": "dancing"})]})
    with serving(server), Client(server.url) as client, pytest.raises(ServiceRefused, match="not a RemoteJob"):
        client.job(JOB)


def test_jobs_are_followed_by_events(tmp_path: Path) -> None:
    jobs = [job_in("running", 0.1), job_in("running", 0.6), job_in("succeeded", 1.0)]
    text = "retry: 1000\n\n" + "".join(f": nothing new\n\nevent: job\ndata: {json.dumps(job)}\n\n" for job in jobs)
    server = Scripted(script={f"GET /jobs/{JOB}/events": [Response(text, content_type="text/event-stream")]})
    with serving(server), Client(server.url) as client:
        assert [job.progress for job in client.follow(JOB)] == [0.1, 0.6, 1.0]
    assert len(server.requests) == 1


def test_jobs_are_polled_where_events_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.client.client.POLL_S", 0.01)
    states = [said(job_in("queued")), said(job_in("running", 0.5)), said(job_in("succeeded", 1.0))]
    server = Scripted(script={f"GET /jobs/{JOB}/events": [Response("no", 501)], f"GET /jobs/{JOB}": states})
    with serving(server), Client(server.url) as client:
        assert [job.state for job in client.follow(JOB)] == ["queued", "running", "succeeded"]
    assert [asked.path for asked in server.requests].count(f"/jobs/{JOB}/events") == 1


def test_following_resumes_after_a_broken_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.client.client.POLL_S", 0.01)
    first = Response(f"event: job\ndata: {json.dumps(job_in('running', 0.2))}\n\n", content_type="text/event-stream")
    last = Response(f"event: end\ndata: {json.dumps(job_in('failed', 0.3))}\n\n", content_type="text/event-stream")
    answers = {f"GET /jobs/{JOB}/events": [first, last], f"GET /jobs/{JOB}": [said(job_in("running", 0.25))]}
    server = Scripted(script=answers)
    with serving(server), Client(server.url) as client:
        assert [job.progress for job in client.follow(JOB)] == [0.2, 0.25, 0.3]


def test_a_set_stop_event_ends_calls(tmp_path: Path) -> None:
    stop = threading.Event()
    server = Scripted(script={f"GET /jobs/{JOB}": [said(job_in("queued"))]})
    with serving(server), Client(server.url, stop=stop) as client:
        followed = client.follow(JOB)
        next(followed)
        stop.set()
        with pytest.raises(Stopped):
            next(followed)
        with pytest.raises(Stopped):
            client.job(JOB)
