"""Callbacks: signed calls to the addresses that a job names, once it has ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask.testing import FlaskClient

from service.jobs.job import AnalysisJob
from service.results.compare.signed_call import NotSigned, check_signature
from service.web.app import create_app
from service.worker import callback_thread
from tests.fixtures.media_made import jpeg
from tests.integration.worker.conftest import Bench

SECRET = "a secret of the receiver"
SETTINGS = {"callback_hosts": "127.0.0.1, .example.org", "callback_secret": SECRET, "callback_allow_private": True}


@dataclass
class Receiver:
    """A receiver of calls on this machine; refuses the first `refusals` of them."""

    url: str = ""
    refusals: int = 0
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.calls.append((dict(self.headers), body))
            told.refusals -= 1
            self.send_response(503 if told.refusals >= 0 else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_port}/hook?token=of-the-lab"
        yield told
        server.shutdown()
        thread.join()


def web(bench: Bench) -> FlaskClient:
    own = bench.account.services
    settings = own.settings.model_copy(update=_settings())
    return create_app(type(own)(**{**vars(own), "settings": settings})).test_client()


def _settings() -> dict[str, object]:
    # Checked and wrapped as settings from the environment are.
    from service.settings import Settings

    given = Settings.load({name.upper(): str(value) for name, value in SETTINGS.items()})
    return {name: getattr(given, name) for name in SETTINGS}


def ask(client: FlaskClient, job: AnalysisJob, *addresses: str) -> tuple[int, str]:
    answer = client.post(
        f"/analyse/{job.media}/posed/{job.container}", query_string={"blob": job.blob, "callback": list(addresses)}
    )
    return answer.status_code, answer.get_json(force=True).get("code", "")


def test_a_jobs_end_is_announced_signed_and_again_until_it_is_taken(
    bench: Bench, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_thread, "PAUSES_S", (1, 1, 1))
    bench.account.services.callback_queue.ensure()
    job, broken = bench.submit("face 1.jpg", jpeg()), bench.submit("broken.jpg", b"no picture")
    client = web(bench)
    for each in (job, broken):
        assert ask(client, each, receiver.url)[0] == 202
    # Outside of the identity: the jobs are those of before.
    assert bench.record(job).callbacks == receiver.url
    receiver.refusals = 1
    with bench.worker(**_settings()):
        bench.until(lambda: len(receiver.calls) >= 3)
    assert len(receiver.calls) == 3
    states = {}
    for headers, body in receiver.calls:
        check_signature(SECRET, headers, body)
        told = json.loads(body)
        assert headers["Idempotency-Key"] == told["job_id"]
        states[told["job_id"]] = told["state"]
        with pytest.raises(NotSigned):
            check_signature(SECRET, headers, body + b" ")
    assert states == {job.job_id: "succeeded", broken.job_id: "failed"}
    # A job that has ended is announced at once, to those who did not know it.
    other = receiver.url.replace("hook", "other")
    assert ask(client, job, receiver.url, other)[0] == 200
    before = len(receiver.calls)
    with bench.worker(**_settings()):
        bench.until(lambda: len(receiver.calls) > before)
    assert [json.loads(body)["job_id"] for _, body in receiver.calls[before:]] == [job.job_id]
    assert bench.record(job).callbacks == f"{receiver.url}\n{other}"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://elsewhere.org/", "callback_host"),
        ("https://example.org/", "callback_host"),
        ("https://hooks.example.org.evil.net/", "callback_host"),
        ("https://hooks.example.org@evil.net/", "bad_callback"),
        ("https://evil.net\\\\@hooks.example.org/", "bad_callback"),
        ("ftp://hooks.example.org/", "bad_callback"),
        ("hooks.example.org", "bad_callback"),
    ],
)
def test_an_address_that_is_not_allowed_starts_no_job(bench: Bench, address: str, code: str) -> None:
    etag = bench.account.put("face.jpg", jpeg())
    assert etag
    answer = web(bench).post(
        f"/analyse/image/posed/{bench.account.container}", query_string={"blob": "face.jpg", "callback": address}
    )
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, code)
    assert bench.account.services.table.page(container=bench.account.container, state=None).records == []
