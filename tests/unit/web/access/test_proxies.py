"""The caller's address from `X-Forwarded-For`: as far as trusted proxies wrote it, and no farther."""

from __future__ import annotations

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder

from service.settings import MOST_PROXIES, Settings
from service.web.access.proxies import trust_proxies


def caller(trusted: str, peer: str, forwarded: str | None) -> str:
    """The address that the application sees."""
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: str(request.remote_addr))
    trust_proxies(app, Settings.load({"TRUSTED_PROXIES": trusted}))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    environ = EnvironBuilder("/", headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ()
    return app.test_client().open(environ_overrides=environ, path="/", headers=headers).text


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ("0", "1.1.1.1", "10.0.0.9"),
        ("1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("2", "6.6.6.6, 1.1.1.1, 10.0.0.8", "1.1.1.1"),
        ("1", None, "10.0.0.9"),
    ],
)
def test_a_number_of_proxies_is_counted_from_the_connection(trusted: str, forwarded: str | None, seen: str) -> None:
    assert caller(trusted, "10.0.0.9", forwarded) == seen


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("10.0.0.9", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        # A proxy behind a proxy.
        ("10.0.0.9", "6.6.6.6, 1.1.1.1, 10.0.0.8", "1.1.1.1"),
        # Not from a trusted network: what it wrote counts for nothing.
        ("11.0.0.9", "1.1.1.1", "11.0.0.9"),
        ("10.0.0.9", None, "10.0.0.9"),
        ("10.0.0.9", " , ", "10.0.0.9"),
        ("", "1.1.1.1", ""),
        # As Azure's Application Gateway writes addresses.
        ("10.0.0.9", "6.6.6.6, 1.1.1.1:51234, 10.0.0.8:443", "1.1.1.1:51234"),
        # A server on `::` sees IPv4 like this.
        ("::ffff:10.0.0.9", "1.1.1.1", "1.1.1.1"),
    ],
)
def test_networks_are_trusted_from_the_connection_backwards(peer: str, forwarded: str | None, seen: str) -> None:
    assert caller("10.0.0.0/8", peer, forwarded) == seen


def test_a_chain_is_followed_to_its_limit() -> None:
    chain = ", ".join(["1.1.1.1", *(f"10.0.0.{number}" for number in range(MOST_PROXIES + 5))])
    # The eleventh address from the connection's end on.
    assert caller("10.0.0.0/8", "10.0.0.9", chain) == "10.0.0.5"
