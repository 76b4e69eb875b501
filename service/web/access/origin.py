"""Keep other sites' pages away: `Host` and cross-site checks of servers without keys, and CORS for named origins.

A page of any site can send requests to a service on its reader's machine. Without keys the browser's own headers are
the only difference: `Host` reveals DNS rebinding, `Sec-Fetch-Site` and `Origin` reveal another site's page.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, request

from service.logs import log
from service.settings import Settings, listed
from service.web.protocol.openapi import KEY_HEADER
from service.web.protocol.problems import problem
from service.web.routes.health import ON_METRICS_PORT
from service.web.routes.pages import is_page

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
ANY = "*"
CORS_PATHS = "/api/"
PREFLIGHT_S = 600
LONGEST_LOGGED = 200


class OriginCheck:
    """Refuses unknown hosts and cross-site requests where no keys are needed, and answers CORS requests."""

    def __init__(self, settings: Settings, *, keys_needed: bool) -> None:
        own = [] if settings.host in {"0.0.0.0", "::"} else [settings.host]
        self._hosts = [host.lower().strip("[]") for host in listed(settings.allowed_hosts) or [*LOOPBACK_HOSTS, *own]]
        self._origins = {origin.lower() for origin in listed(settings.cors_origins)}
        self._keys_needed = keys_needed

    def guard(self, app: Flask) -> None:
        """Check every request of the application, and add CORS headers to its responses."""
        app.before_request(self._check)
        app.after_request(self._allow_origin)

    def _check(self) -> Response | None:
        if self._is_cors() and request.method == "OPTIONS":
            return self._preflight()
        # Probes and scrapers use addresses of their own.
        if self._keys_needed or request.endpoint in ON_METRICS_PORT:
            return None
        if not self._is_known(request.headers.get("Host", "")):
            return _refused("unknown_host", "this service does not answer under this name (ALLOWED_HOSTS)")
        if not is_page(request.endpoint) and self._is_cross_site() and not self._is_cors():
            return _refused("cross_site", "pages of other sites cannot use this service (CORS_ORIGINS)")
        return None

    def _is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return any(
            allowed in {ANY, name} or (allowed.startswith(".") and f".{name}".endswith(allowed))
            for allowed in self._hosts
        )

    def _is_cors(self) -> bool:
        """Whether a page of a named origin calls a route that is open to it."""
        return request.path.startswith(CORS_PATHS) and request.headers.get("Origin", "").lower() in self._origins

    def _is_cross_site(self) -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        if site:
            return site.lower() == "cross-site"
        # Browsers without Sec-Fetch-Site send Origin with everything that is not a plain GET.
        origin = request.headers.get("Origin")
        return origin is not None and _host_of(origin) != request.headers.get("Host", "").lower()

    def _preflight(self) -> Response:
        response = Response(status=HTTPStatus.NO_CONTENT)
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = f"Authorization, Content-Type, {KEY_HEADER}"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
        return response

    def _allow_origin(self, response: Response) -> Response:
        if self._origins and request.path.startswith(CORS_PATHS):
            response.vary.add("Origin")
            if self._is_cors():
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response.headers["Access-Control-Expose-Headers"] = "Retry-After"
                response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty where it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _refused(code: str, detail: str) -> Response:
    log.warning(
        "request.refused",
        reason=code,
        method=request.method,
        path=request.path[:LONGEST_LOGGED],
        host=request.headers.get("Host", "")[:LONGEST_LOGGED],
        origin=request.headers.get("Origin", "")[:LONGEST_LOGGED],
        address=request.remote_addr,
    )
    return problem(HTTPStatus.FORBIDDEN, code, detail)
