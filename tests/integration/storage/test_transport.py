"""The way to storage: connections that are kept, bodies, certificates; against real servers."""

from __future__ import annotations

import datetime as dt
import io
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.storage.transport import EARLIER_S, LeanSession

HOST = "127.0.0.1"
OPTIONS: dict[str, Any] = {"headers": {}, "timeout": (3, 5), "verify": True, "cert": None, "allow_redirects": False}


class Heard(BaseHTTPRequestHandler):
    """Notes what comes, with the port that it comes from."""

    protocol_version = "HTTP/1.1"
    keep_alive: str | None = None
    seen: list[tuple[int, str, bytes]]

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.client_address[1], self.headers.get("Content-Length", ""), body))
        self.send_response(200)
        if self.keep_alive:
            self.send_header("Keep-Alive", self.keep_alive)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server(keep_alive: str | None = None, secure: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[Any]]]:
    seen: list[tuple[int, str, bytes]] = []
    handler = type("Handler", (Heard,), {"keep_alive": keep_alive, "seen": seen})
    with ThreadingHTTPServer((HOST, 0), handler) as http:
        if secure:
            http.socket = secure.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http{'s' if secure else ''}://{HOST}:{http.server_address[1]}", seen
        finally:
            http.shutdown()
            thread.join()


def ports(keep_alive: str | None, *waits_s: float) -> list[int]:
    with server(keep_alive) as (url, seen), LeanSession() as session:
        for wait_s in (0.0, *waits_s):
            time.sleep(wait_s)
            assert session.request("GET", url, **OPTIONS).content == b"ok"
    return [port for port, _, _ in seen]


def test_a_connection_is_kept() -> None:
    assert len(set(ports(None, 0, 0.3))) == 1


def test_one_that_its_server_is_about_to_close_is_not_used() -> None:
    first, again, late, later = ports("timeout=2", 0, 2 - EARLIER_S + 0.3, 0)
    assert first == again != late == later


@pytest.mark.parametrize(("body", "length"), [("ä", "2"), (b"\xff\x00", "2"), (b"", "0"), (None, "")])
def test_bodies_arrive_as_they_are(body: str | bytes | None, length: str) -> None:
    with server() as (url, seen), LeanSession() as session:
        session.request("POST" if body is not None else "GET", url, data=body, **OPTIONS)
    sent = body.encode() if isinstance(body, str) else body or b""
    assert [each[1:] for each in seen] == [(length, sent)]


def test_certificates_are_checked_by_what_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(file)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with server(secure=secure) as (url, seen):
        with LeanSession() as session, pytest.raises(requests.exceptions.SSLError):
            session.request("GET", url, **OPTIONS)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        with LeanSession() as session:
            assert session.request("GET", url, **OPTIONS).content == b"ok"
            assert session.request("POST", url, data=io.BytesIO(b"streamed"), **OPTIONS).content == b"ok"
    assert [body for _, _, body in seen] == [b"", b"streamed"]


def certificate(folder: Path) -> Path:
    """For the loopback address, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, *plain))
    return file
