"""Authenticate, authorise and rate-limit every request before its route runs.

The scope that a route needs is the one of its OpenAPI description (`openapi.needs`), so that the two cannot differ. A
route without a description needs `admin`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, g, request
from flask_openapi3 import OpenAPI

from service.logs import log
from service.settings import Settings
from service.web.access.keys import Key, KeyRing, Scope
from service.web.access.rate_limit import RateLimit, address_of
from service.web.access.session import TOKEN_HEADER, Sessions
from service.web.protocol.openapi import KEY_HEADER
from service.web.protocol.problems import problem
from service.web.routes.health import ON_METRICS_PORT, arrived_on
from service.web.routes.pages import is_page

HEALTH = {"health.healthz", "health.readyz"}
"""Polled by load balancers and probes: no key and no rate limit."""

OPEN = {
    "session.show",
    "session.end",
    "identity_names.train",
    "identity_names.recognize",
    "identity_names.recognize_plain",
}
"""Endpoints without a key: a page asks whether a key is needed, and the older identity routes take it in the body."""

KEYS = "keys"

DOCUMENT = ("/openapi.json", "/docs")
"""Paths of the API's description and of the pages that show it; no key."""

REALM = 'Bearer realm="faceline"'
LONGEST_PATH_LOGGED = 200


class Authenticator:
    """Admits requests to their routes, or answers with the refusal."""

    def __init__(self, settings: Settings) -> None:
        """Build the authenticator that the settings describe. Raises BadSettings."""
        self.settings = settings
        self._keys = KeyRing.of(settings)
        self._rate = RateLimit(settings.rate_limit_per_minute, settings.web_workers)
        self._sessions = Sessions.of(settings, self._keys)
        self._metrics_port = settings.metrics_port
        self._scopes: Scopes = {}

    @classmethod
    def open(cls) -> Authenticator:
        """Build an authenticator that admits every request."""
        return cls(Settings.load({"RATE_LIMIT_PER_MINUTE": "0"}))

    @property
    def needs_keys(self) -> bool:
        """Whether callers need a key."""
        return self._keys.asks

    def guard(self, app: OpenAPI) -> None:
        """Check every request of the application; call it after all routes are registered."""
        self._scopes = declared_scopes(app)
        self._sessions.configure(app)
        app.extensions[KEYS] = self._keys
        app.before_request(self._admit)
        app.teardown_request(_unbind_key)

    def _admit(self) -> Response | None:
        """Return the refusal of this request, or None to admit it."""
        endpoint = request.endpoint or ""
        if arrived_on(self._metrics_port):
            return None if endpoint in ON_METRICS_PORT else _wrong_port()
        if endpoint in HEALTH:
            return None
        presented = _presented()
        key = self._keys.find(presented) if presented else self._sessions.key()
        g.key = key
        if key:
            structlog.contextvars.bind_contextvars(key=key.name)
        # Requests with a wrong key count as well, by address: a wrong key must not bypass the limit.
        wait_s = self._rate.wait_s(f"key {key.name}" if key else f"address {address_of(request.remote_addr or '')}")
        if wait_s:
            return _rate_limited(wait_s)
        if not self._keys.asks or endpoint in OPEN or is_page(endpoint) or _is_document(request.path):
            return None
        return self._refusal(key, presented)

    def _refusal(self, key: Key | None, presented: str) -> Response | None:
        if key is None:
            return _unauthorized(is_wrong=bool(presented))
        if request.endpoint is None:
            # No such route or method: 404 and 405 need no scope.
            return None
        method = "GET" if request.method == "HEAD" else request.method
        [scope, *narrower] = self._scopes.get((request.endpoint, method), ("admin",)) or (None,)
        if scope and not key.may(scope):
            if not (narrower and key.may_for_own(scope)):
                return _forbidden(scope)
            g.sees_own_only = True
        # Not the method alone: a GET may start an analysis, and what reads may have results made.
        only_reads = scope == "read" and method == "GET"
        if not presented and not only_reads and not self._sessions.has_token():
            return _csrf_refused()
        return None


Scopes = dict[tuple[str, str], tuple[Scope, ...]]
"""Needed scope by endpoint and method, and the narrower one where that is enough; empty where any key is enough."""


def declared_scopes(app: OpenAPI) -> Scopes:
    """Read the needed scopes from the OpenAPI document."""
    paths: dict[str, Any] = app.api_doc["paths"]
    scopes: Scopes = {}
    for rule in app.url_map.iter_rules():
        described = paths.get(rule.rule.replace("<", "{").replace(">", "}"), {})
        for method in rule.methods or ():
            # All security schemes of a route name the same scopes.
            if security := described.get(method.lower(), {}).get("security", []):
                named = [scope for needed in security for scope in next(iter(needed.values()))]
                scopes[rule.endpoint, method] = tuple(dict.fromkeys(named))
    return scopes


def _is_document(path: str) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in DOCUMENT)


def _presented() -> str:
    """Return the key of the headers; never one of the URL, which ends up in logs and histories."""
    if key := request.headers.get(KEY_HEADER, "").strip():
        return key
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unauthorized(*, is_wrong: bool) -> Response:
    _audit("unknown key" if is_wrong else "no key")
    if is_wrong:
        headers = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
        return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "this API key is not valid", headers)
    detail = "an API key is needed: send it as `X-API-Key: <key>` or `Authorization: Bearer <key>`"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, {"WWW-Authenticate": REALM})


def _forbidden(scope: Scope) -> Response:
    _audit(f"scope {scope} missing")
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'}
    return problem(HTTPStatus.FORBIDDEN, "forbidden", f"this API key lacks the scope `{scope}`", headers)


def _csrf_refused() -> Response:
    _audit("no session token")
    detail = f"a session must repeat its token in the header `{TOKEN_HEADER}`; `GET /session` returns the token"
    return problem(HTTPStatus.FORBIDDEN, "csrf", detail)


def _rate_limited(wait_s: int) -> Response:
    _audit("rate limit")
    detail = f"too many requests within a minute (RATE_LIMIT_PER_MINUTE); ask again in {wait_s} s"
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", detail, {"Retry-After": str(wait_s)})


def _wrong_port() -> Response:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "this port serves only /metrics, /healthz and /readyz")


def _audit(reason: str) -> None:
    """Log a refused request; the line carries the key's name where it is known, and never the key."""
    log.warning(
        "request.refused",
        reason=reason,
        method=request.method,
        path=request.path[:LONGEST_PATH_LOGGED],
        address=request.remote_addr,
    )


def _unbind_key(_error: BaseException | None) -> None:
    # A thread serves several requests: the next one's log lines must not name this key.
    structlog.contextvars.unbind_contextvars("key")
