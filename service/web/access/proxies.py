"""Take the caller's address from `X-Forwarded-For`, as far as trusted proxies wrote it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from service.settings import MOST_PROXIES, Settings, listed
from service.web.access.addresses import parsed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Wrap the application as TRUSTED_PROXIES says."""
    text = settings.trusted_proxies
    if text.isdecimal():
        if int(text):
            app.wsgi_app = _fixed(app.wsgi_app, int(text))  # type: ignore[method-assign]
    elif networks := listed(text):
        app.wsgi_app = TrustedNetworks(app.wsgi_app, networks)  # type: ignore[method-assign]


class TrustedNetworks:
    """Applies Werkzeug's ProxyFix for as many hops as lie in the trusted networks."""

    def __init__(self, app: WSGIApplication, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._by_hops = [app] + [_fixed(app, hops) for hops in range(1, MOST_PROXIES + 1)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._by_hops[self._hops(environ)](environ, start_response)

    def _hops(self, environ: WSGIEnvironment) -> int:
        """Count the trusted proxies, from the connection's peer backwards."""
        forwarded = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        chain = [environ.get("REMOTE_ADDR", ""), *reversed(forwarded)]
        hops = 0
        while hops < min(len(forwarded), MOST_PROXIES) and self._is_trusted(chain[hops]):
            hops += 1
        return hops

    def _is_trusted(self, address: str) -> bool:
        found = parsed(address)
        return found is not None and any(found in network for network in self._networks)


def _fixed(app: WSGIApplication, hops: int) -> ProxyFix:
    # The Host header stays the connection's: ALLOWED_HOSTS judges it.
    return ProxyFix(app, x_for=hops, x_proto=1, x_host=0)
