"""Connections that stay are shared among the server's processes."""

from __future__ import annotations

import socket
import time
from collections import Counter, deque
from contextlib import ExitStack, closing
from statistics import mean

import psutil
import pytest

from infra.local.loopback import HOST
from tests.integration.web.conftest import Served

pytestmark = pytest.mark.xdist_group("served")

CONNECTIONS, ROUNDS = 16, 10


def test_connections_are_spread_over_the_processes(served: Served) -> None:
    # Of the two that the server has; on a busy machine one of them may be late for a while.
    fewest: deque[int] = deque(maxlen=ROUNDS)
    deadline = time.monotonic() + 60
    while len(fewest) < ROUNDS or mean(fewest) < CONNECTIONS / 3:
        assert time.monotonic() < deadline, fewest
        held = shared(served, CONNECTIONS)
        assert held.total() == CONNECTIONS
        fewest.append(CONNECTIONS - max(held.values()))


def shared(served: Served, count: int) -> Counter[int]:
    """Open `count` connections at once, and count them by process."""
    port = int(served.stack.service_url.rsplit(":", 1)[1])
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex((HOST, port))
        for client in clients:
            client.settimeout(10)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        assert all(client.recv(12).endswith(b"200") for client in clients)
        return holders(served, {client.getsockname()[1] for client in clients})


def holders(served: Served, ports: set[int]) -> Counter[int]:
    """How many of the connections from these ports each process of the server holds; root alone may ask."""
    processes = psutil.Process(served.stack.web.process_id).children(recursive=True)
    try:
        return Counter(
            process.pid
            for process in processes
            for connection in process.net_connections("tcp")
            if connection.raddr and connection.raddr.port in ports
        )
    except psutil.AccessDenied:
        pytest.skip("the server's processes are closed to others of their user: root alone sees their connections")
