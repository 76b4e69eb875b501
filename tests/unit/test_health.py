"""A worker's own server: what it answers, and whose word makes it ready."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from http import HTTPStatus

import pytest
from prometheus_client.registry import CollectorRegistry

from service.errors import StorageUnavailable
from service.health import StatusServer, findings
from service.settings import BadSettings


def away() -> None:
    raise StorageUnavailable("storage is away")


def server(**pings: object) -> StatusServer:
    """A server that listens nowhere."""
    return StatusServer("127.0.0.1", 0, pings, CollectorRegistry())  # type: ignore[arg-type]


def test_a_worker_is_ready_when_all_that_it_needs_answers() -> None:
    status, _, body = server(blobs=lambda: None, queue=lambda: 5)._answer("GET", "/readyz")
    assert (status, json.loads(body)["status"]) == (HTTPStatus.OK, "ready")
    status, _, body = server(blobs=lambda: None, queue=away)._answer("GET", "/readyz")
    found = json.loads(body)
    assert (status, found["status"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "not ready")
    assert (found["checks"]["blobs"]["ok"], found["checks"]["queue"]["error"]) == (True, "storage is away")


def test_a_worker_is_alive_whatever_is_away() -> None:
    status, kind, body = server(queue=away)._answer("GET", "/healthz")
    assert (status, kind, json.loads(body)["status"]) == (HTTPStatus.OK, "application/json", "ok")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/healthz", 405), ("HEAD", "/metrics", 405)],
)
def test_nothing_else_is_answered(method: str, path: str, status: int) -> None:
    assert server()._answer(method, path)[0] == status


def test_a_fault_of_a_check_is_no_outage() -> None:
    def fault() -> None:
        raise KeyError("fault")

    with pytest.raises(KeyError):
        findings({"queue": fault})


def test_a_port_that_is_taken_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings, match=f"METRICS_PORT: 127.0.0.1:{port}"):
            StatusServer("127.0.0.1", port, {}, CollectorRegistry())
