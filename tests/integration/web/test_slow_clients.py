"""A server that is told to stop answers what has arrived, and does not wait for requests that may never be whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from infra.local.loopback import HOST, free_port, http_status
from infra.local.stack import REPOSITORY
from service.web.server import slow_clients

NO_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=none;AccountKey=bm9uZQ==;"
    "BlobEndpoint=http://{0}/none;QueueEndpoint=http://{0}/none;TableEndpoint=http://{0}/none"
)


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A web server whose storage is away: `/healthz` asks for none."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOST": HOST,
        "PORT": str(port),
        "AZURE_STORAGE_CONNECTION_STRING": NO_STORAGE.format(f"{HOST}:{free_port()}"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "service", "web"], cwd=REPOSITORY, env=environ, stderr=subprocess.DEVNULL
    ) as child:
        try:
            until = time.monotonic() + 30
            while http_status(f"http://{HOST}:{port}/healthz") != 200:
                assert time.monotonic() < until
                time.sleep(0.1)
            yield child, port
        finally:
            child.kill()


def test_shutdown_does_not_wait_for_half_sent_requests(server: tuple[subprocess.Popen[bytes], int]) -> None:
    child, port = server
    with ExitStack() as stack:
        for beginning in (b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n") * 10:
            connection = stack.enter_context(socket.create_connection((HOST, port), timeout=10))
            connection.sendall(beginning)
        time.sleep(0.3)
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert time.monotonic() - began < slow_clients.HEAD_S


def test_shutdown_answers_a_request_that_arrives_in_time(server: tuple[subprocess.Popen[bytes], int]) -> None:
    child, port = server
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.3)
        child.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert child.wait(20) == 0
