"""The real server against random bytes, requests that never end, and unexpected bodies.

The same requests each time; FUZZ_SEED and FUZZ_REQUESTS ask for others, and for more.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import quote

import pytest

from infra.local.loopback import HOST
from service.web.protocol import security_headers
from service.web.protocol.bodies import LONGEST_BODY
from service.web.server import slow_clients
from tests.conftest import ASTRONAUT
from tests.integration.web.conftest import Served

pytestmark = pytest.mark.xdist_group("served")

SEED = int(os.environ.get("FUZZ_SEED", "1"))
REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "300"))
SLOW = 200
WITHIN_S = 2.0
WATCHED_S = 4.0

METHODS = [
    *(b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PRI"),
    b"get",
    b"G\0T",
    b"",
    b"A" * 300,
]
TARGETS = [b"/healthz", b"/readyz", b"/jobs", b"/docs/", b"/docs/swagger", b"/openapi.json", b"/session"]
SEGMENTS = [
    *(b"analyse", b"image", b"wild", b"iw", b"vp", b"jobs", b"docs", b"swagger", b"session", b"healthz", b"events"),
    *(b"openapi.json", b"result.csv", b"0" * 32, b"..", b".", b"", b"%2e%2e", b"%00", b"%ff", b"\xff\xfe", b"%"),
    *(b"<script>alert(1)</script>", b"=cmd|'/c calc'!A1", b"${jndi:ldap://127.0.0.1/a}", b"'\"><img src=x>"),
    b"a" * 3000,
]
NAMES = [b"blob", b"cursor", b"state", b"container", b"faces", b"au", b"gallery", b"%00", b"__proto__", b"x" * 500]
HEADERS = [
    *(b"X-API-Key", b"Authorization", b"Cookie", b"Prefer", b"traceparent", b"X-CSRF-Token", b"Accept", b"Range"),
    *(b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect", b"Upgrade", b"Host", b"Content-Type"),
    *(b"X-Forwarded-For", b"X-Forwarded-Proto", b"Forwarded", b"If-None-Match", b"Last-Event-ID"),
    *(b"X\0Y", b"A b", b""),
]
VALUES = [
    *(b"", b"0", b"-1", b"1", b"99999999999999999999", b"1, 1", b"chunked", b"gzip, chunked", b"close", b"keep-alive"),
    *(b"100-continue", b"wait=0", b"Bearer x", b"faceline_session=x", b"h2c", b"websocket", b"bytes=0-1"),
    *(b"\xff", b"a\tb", b"a\0b", b"text/html", b"00-" + b"f" * 32, b"v" * 9000, b"<script>", b"=1+1", b"\r\n folded"),
]


def _port(served: Served) -> int:
    return int(served.stack.service_url.rsplit(":", 1)[1])


def _request(rng: random.Random, key: str) -> bytes:
    """A request in which most things are right, and some are not."""
    method = rng.choice(METHODS) if rng.random() < 0.15 else rng.choice([b"GET", b"POST"])
    target = rng.choice(TARGETS)
    if rng.random() < 0.6:
        target = b"/" + b"/".join(rng.choices(SEGMENTS, k=rng.randrange(5)))
    if rng.random() < 0.4:
        pairs = (rng.choice(NAMES) + b"=" + rng.choice(SEGMENTS) for _ in range(rng.randint(1, 4)))
        target += b"?" + b"&".join(pairs)
    version = b"HTTP/1.1" if rng.random() < 0.95 else rng.choice([b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"", b"\xff"])
    lines = [b" ".join([method, target, version]), b"Host: x", f"X-API-Key: {key}".encode()]
    lines += [rng.choice(HEADERS) + b": " + rng.choice(VALUES) for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 5]))]
    body = rng.randbytes(rng.randrange(2000)) if rng.random() < 0.2 else b""
    wire = bytearray(b"\r\n".join([*lines, b"", body]))
    if rng.random() < 0.25:
        for _ in range(rng.randint(1, 8)):
            wire[rng.randrange(len(wire))] = rng.randrange(256)
    return bytes(wire)


def _answer(served: Served, wire: bytes) -> bytes:
    with socket.create_connection((HOST, _port(served)), timeout=20) as connection:
        found = b""
        try:
            connection.sendall(wire)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                found += data
        except (BrokenPipeError, ConnectionResetError):
            pass
        return found


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say what was measured, where that was asked for."""

    def tell(words: str) -> None:
        if "FUZZ_SEED" in os.environ:
            with capsys.disabled():
                print(f"\n{words}")

    return tell


def test_random_bytes_are_answered_or_disconnected(served: Served, tell: Callable[[str], None]) -> None:
    rng = random.Random(SEED)
    statuses: Counter[int] = Counter()
    for number in range(REQUESTS):
        wire = _request(rng, served.admin)
        answer = _answer(served, wire)
        if not answer:
            statuses[0] += 1
            continue
        head, _, body = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        statuses[status] += 1
        # 501 is what RFC 9112 (6.1) asks for where a transfer coding is not known.
        assert status < 500 or (status == 501 and b"transfer" in wire.lower()), (SEED, number, wire, answer)
        assert b"<script>alert" not in body or b"application/" in head, (SEED, number, wire, answer)
    tell(f"{REQUESTS} requests of any bytes, seed {SEED}: {dict(sorted(statuses.items()))} (0: hung up on)")
    # The requests were about something: some were understood, some refused, some ended in the middle.
    assert {0, 200, 400, 404} <= set(statuses), statuses


@contextmanager
def _half_sent(served: Served) -> Iterator[list[socket.socket]]:
    """Connections that began a request, each in another way, and go no further."""
    key = f"X-API-Key: {served.admin}\r\n".encode()
    head = b"POST /jobs/" + b"0" * 32 + b"/cancel HTTP/1.1\r\nHost: x\r\n" + key
    picture = b"POST /api/detect HTTP/1.1\r\nHost: x\r\n" + key
    beginnings = [
        b"",
        b"G",
        b"\r\n",
        b"GET /jobs HTT",
        b"GET /jobs HTTP/1.1\r\n",
        b"GET /jobs HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        head + b"Content-Length: 1000\r\n\r\nabc",
        head + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nabc",
        # Bodies that a route waits for.
        picture + b"Content-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc",
        picture + b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc",
        picture + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n",
        # Answered, and then not hung up on by the other side.
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /jobs HT",
        b"BAD\r\n\r\n",
    ]
    with ExitStack() as stack:
        connections = []
        for number in range(SLOW):
            connection = stack.enter_context(socket.create_connection((HOST, _port(served)), timeout=20))
            connection.sendall(beginnings[number % len(beginnings)])
            connections.append(connection)
        yield connections


def test_half_sent_requests_do_not_delay_others(served: Served, tell: Callable[[str], None]) -> None:
    with _half_sent(served) as connections:
        began, slowest_s = time.monotonic(), 0.0
        while (asked := time.monotonic()) < began + WATCHED_S:
            assert served.ask("/healthz").status == 200
            assert served.ask("/jobs").status == 200
            slowest_s = max(slowest_s, time.monotonic() - asked)
            for connection in connections[::3]:
                try:
                    connection.send(b"x")
                except OSError:
                    continue
        tell(f"{SLOW} half-sent requests are open; the slowest answer to another took {slowest_s:.2f} s")
        assert slowest_s < WITHIN_S
        # They are not kept for ever, however slowly they go on.
        until = time.monotonic() + slow_clients.HEAD_S + 5
        for connection in connections:
            connection.settimeout(max(until - time.monotonic(), 0.01))
            assert _is_ended(connection)


def test_a_slow_body_is_answered_408(served: Served) -> None:
    with socket.create_connection((HOST, _port(served)), timeout=slow_clients.BODY_S + 10) as connection:
        head = f"POST /api/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\n"
        connection.sendall(f"{head}Content-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc".encode())
        began = time.monotonic()
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began >= slow_clients.BODY_S - 1


def test_a_connection_is_reused_after_a_body_that_was_read(served: Served) -> None:
    connection = http.client.HTTPConnection(HOST, _port(served), timeout=30)
    with closing(connection):
        for _ in range(3):
            connection.request("POST", "/api/detect", ASTRONAUT.read_bytes(), {"X-API-Key": served.admin})
            mine = connection.sock.getsockname()
            reply = connection.getresponse()
            assert len(json.loads(reply.read())) == 1
            assert reply.getheader("Connection") == "keep-alive"
            assert connection.sock.getsockname() == mine
        # An unread body ends the connection.
        connection.request("POST", "/jobs", b"x" * 1000, {"X-API-Key": served.admin})
        assert connection.getresponse().getheader("Connection") == "close"


def _is_ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("path", ["/healthz", "/jobs", "/nothing", "/analyse/image/wild/abc", "/docs/swagger"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_long_body_is_refused_before_it_is_sent(served: Served, path: str, method: str) -> None:
    began = time.monotonic()
    reply = served.ask(path, method, {"Content-Length": str(10 << 30)}, body=b"x" * 1000)
    assert reply.status == 413
    assert reply.json["code"] == "request_entity_too_large"
    assert reply.headers["Connection"] == "close"
    assert time.monotonic() - began < WITHIN_S
    assert served.ask(path, method, body=b"x" * LONGEST_BODY).status != 413


def test_a_body_without_end_is_not_read_to_its_end(served: Served) -> None:
    head = f"GET /jobs HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    with socket.create_connection((HOST, _port(served)), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(10_000):
                connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                sent += 0x8000
        except OSError:
            pass
    assert sent < 64 << 20


def test_long_headers_are_refused(served: Served) -> None:
    lines = tuple(b"X-%d: " % number + b"v" * 8000 for number in range(50))
    assert served.ask("/jobs", lines=lines).status == 431
    assert served.ask("/jobs", lines=tuple(b"X-%d: v" % number for number in range(200))).status == 431


def test_pipelined_requests_are_all_answered(served: Served) -> None:
    one = f"GET /jobs?state=failed HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\n".encode()
    with socket.create_connection((HOST, _port(served)), timeout=20) as connection:
        # The third begins in one piece with the others, and ends later.
        connection.sendall((one + b"\r\n") * 2 + one)
        time.sleep(0.3)
        connection.sendall(b"Connection: close\r\n\r\n")
        found = b""
        while data := connection.recv(65536):
            found += data
    assert found.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        *(
            ("/" + path, security_headers.NOTHING)
            for path in ("healthz", "readyz", "jobs", "jobs/x", "nothing", "openapi.json")
        ),
        *(
            ("/docs" + path, security_headers.DOCS)
            for path in ("", "/", "/swagger", "/swagger/js/swagger-ui-bundle.js", "/no")
        ),
    ],
)
def test_every_response_has_the_security_headers(served: Served, path: str, policy: str) -> None:
    for reply in (served.ask(path), served.ask(path, "PUT"), served.ask(path, key="wrong")):
        assert reply.headers["Content-Security-Policy"] == policy
        assert {name: reply.headers[name] for name in security_headers.HEADERS} == security_headers.HEADERS


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "=cmd|' /C calc'!A1"]
)
def test_sent_text_is_echoed_in_json_only(served: Served, text: str) -> None:

    sent = quote(text, safe="")
    for path in (f"/{sent}", f"/analyse/{sent}/wild/abc", f"/jobs/{sent}", f"/jobs?{sent}=1", f"/jobs?state={sent}"):
        reply = served.ask(path)
        assert reply.status in {200, 400, 404}
        assert reply.headers["Content-Type"] in {"application/json", "application/problem+json"}
        assert text.encode() not in reply.body or reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_cursor_of_nested_brackets_is_refused(served: Served) -> None:
    cursor = base64.urlsafe_b64encode(b"[" * 1450).decode()
    assert served.ask(f"/jobs?cursor={cursor}").status == 400
    assert served.ask(f"/jobs?state=queued&cursor={cursor}").status == 400


def test_a_request_without_one_host_is_refused(served: Served) -> None:
    for lines in (b"", b"Host: a\r\nHost: b\r\n", b"Host: a, b\r\n"):
        answer = _answer(served, b"GET /healthz HTTP/1.1\r\n" + lines + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400 "), (lines, answer)
    assert _answer(served, b"GET /healthz HTTP/1.0\r\n\r\n").split(b" ")[1] == b"200"


@pytest.mark.parametrize("chunk", [b"5;" + b"a" * 20_000, b"zz", b"-1", b"5;\0", b"5\r\nabcdeX"])
@pytest.mark.parametrize("path", ["/api/detect", "/api/analyse-image"])
def test_a_body_in_wrong_chunks_is_refused(served: Served, path: str, chunk: bytes) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\nContent-Type: image/png\r\n"
    wire = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"\r\nabcde\r\n0\r\n\r\n"
    answer = _answer(served, wire)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"Connection: close" in answer


def test_a_picture_that_breaks_off_is_not_looked_at(served: Served) -> None:
    picture = ASTRONAUT.read_bytes()
    head = f"POST /api/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {served.admin}\r\nContent-Type: image/png\r\n".encode()
    cut = picture[: len(picture) // 2]
    for framing, body in (
        (b"Content-Length: %d\r\n\r\n" % len(picture), cut),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(picture) + cut),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(cut) + cut + b"\r\n"),
    ):
        answer = _answer(served, head + framing + body)
        assert not answer.startswith(b"HTTP/1.1 200 "), answer
