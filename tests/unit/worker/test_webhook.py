"""Where a callback may lead: public addresses alone, resolved once."""

from __future__ import annotations

import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.jobs.callbacks import Target
from service.results.compare.signed_call import signature
from service.worker.webhook import AddressRefused, CallFailed, post, resolved

SPECIAL = """
127.0.0.1 10.1.2.3 192.168.0.7 169.254.169.254 0.0.0.0 224.0.0.1 100.64.0.1 localhost
::1 fe80::1 fd00::1 ::ffff:10.0.0.1
"""


@pytest.mark.parametrize("host", SPECIAL.split())
def test_special_addresses_are_not_called(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolved(Target("https", host, 443, "/"), allow_private=False)


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"])
def test_link_local_addresses_are_never_called(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolved(Target("http", host, 80, "/"), allow_private=True)


def test_private_addresses_are_called_where_that_is_allowed_and_public_ones_by_https_alone() -> None:
    assert resolved(Target("http", "127.0.0.1", 80, "/"), allow_private=True) == "127.0.0.1"
    assert resolved(Target("https", "9.9.9.9", 443, "/"), allow_private=False) == "9.9.9.9"
    with pytest.raises(AddressRefused):
        resolved(Target("http", "9.9.9.9", 80, "/"), allow_private=True)
    with pytest.raises(CallFailed):
        resolved(Target("https", "nowhere.invalid", 443, "/"), allow_private=False)


@dataclass
class Receiver:
    """A receiver of calls by TLS whose certificate no public authority has signed."""

    target: Target
    certificate: Path
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    certificate, key = self_signed(tmp_path, "localhost")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            running.calls.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    running = Receiver(Target("https", "localhost", server.server_address[1], "/hook?x=1"), certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield running
    server.shutdown()
    thread.join()
    server.server_close()


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, plain))
    return certificate, private


def call(target: Target) -> int:
    return post(target, b'{"a": 1}', "a secret of the lab", "job-1", "00-0-0-00", allow_private=True)


def test_a_call_by_tls_reaches_a_receiver_of_an_own_authority(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificate))
    assert call(receiver.target) == 204
    [(headers, body)] = receiver.calls
    assert json.loads(body) == {"a": 1}
    assert headers["Host"] == f"localhost:{receiver.target.port}"
    assert headers["Idempotency-Key"] == "job-1"
    assert headers["X-Signature"] == signature("a secret of the lab", headers["X-Signature-Timestamp"], body)


def test_a_certificate_of_an_unknown_authority_or_of_another_name_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CallFailed, match="SSLError"):
        call(receiver.target)
    # The same address under a name that the certificate does not have.
    monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificate))
    with pytest.raises(CallFailed, match="SSLError"):
        call(Target("https", "127.0.0.1", receiver.target.port, "/"))
    assert receiver.calls == []
