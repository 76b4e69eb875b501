"""Clients that stay for long: event streams and answers that wait take no other request's place."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from infra.local.loopback import HOST
from service.settings import Settings
from tests.integration.web.conftest import Served

pytestmark = pytest.mark.xdist_group("served")

# More than the requests that both processes of the server work on at once.
STREAMS = 8 * Settings.load({}).web_threads
WITHIN_S = 2.0
BEGUN_S = 15.0
ANSWER_S = 30.0


def _job(served: Served) -> tuple[str, str]:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    path = f"/analyse/image/wild/{container}?blob=face.jpg"
    return path, str(served.ask(path, "POST").json["jobs"][0]["id"])


@contextmanager
def _asking(served: Served, first_line: str, lines: str = "") -> Iterator[list[socket.socket]]:
    port = int(served.stack.service_url.rsplit(":", 1)[1])
    wire = f"{first_line} HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\n{lines}\r\n".encode()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((HOST, port), timeout=ANSWER_S)) for _ in range(STREAMS)
        ]
        for client in clients:
            client.sendall(wire)
        yield clients


def _read_until(client: socket.socket, words: bytes) -> bytes:
    found = b""
    while words not in found:
        piece = client.recv(65536)
        assert piece, found
        found += piece
    return found


def _others_are_answered(served: Served) -> None:
    """At once, when the requests that stay have begun: until then they are worked on like any other."""
    until = time.monotonic() + BEGUN_S
    took_s = WITHIN_S
    while took_s >= WITHIN_S:
        assert time.monotonic() < until
        began = time.monotonic()
        assert served.ask("/healthz").status == 200
        assert served.ask("/jobs?state=failed").status == 200
        took_s = time.monotonic() - began


def test_event_streams_leave_room_for_others_and_all_see_the_end(served: Served) -> None:
    _, job_id = _job(served)
    with _asking(served, f"GET /jobs/{job_id}/events") as clients:
        for client in clients:
            _read_until(client, b"event: job")
        _others_are_answered(served)
        assert served.ask(f"/jobs/{job_id}/cancel", "POST").status == 202
        for client in clients:
            assert b'"state": "cancelled"' in _read_until(client, b"event: end\ndata: {")


def test_answers_that_wait_leave_room_for_others_and_come_with_the_end(served: Served) -> None:
    path, job_id = _job(served)
    with _asking(served, f"POST {path}", "Prefer: wait=25\r\n") as clients:
        _others_are_answered(served)
        assert served.ask(f"/jobs/{job_id}/cancel", "POST").status == 202
        began = time.monotonic()
        for client in clients:
            answer = _read_until(client, b"cancelled")
            assert b"Preference-Applied: wait=25" in answer
        assert time.monotonic() - began < 20
