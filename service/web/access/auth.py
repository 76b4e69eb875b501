"""The door: who asks, whether they may, and whether they ask too often; decided before any route runs.

What a route needs is what its OpenAPI description says (`document.needs`), so that the two cannot differ. A route
that says nothing needs `admin`.
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
from service.web.routes.health import ON_ITS_PORT, came_in_by
from service.web.routes.pages import is_page

HEALTH = {"health.healthz", "health.readyz"}
"""Asked by load balancers and probes: no key, and never too often."""

OPEN = {"session.show", "session.end", "identity_names.train", "identity_names.recognize"}
"""A page has to be able to ask whether a key is needed; the older forms of identity have the key in their body."""

KEYS = "keys"

DOCUMENT = ("/openapi.json", "/docs")
"""The description of the API, and the pages that show it: no key."""

REALM = 'Bearer realm="media-analysis"'
LONGEST_PATH_TOLD = 200


class Authenticator:
    """Lets requests in, or answers them instead."""

    def __init__(self, keys: KeyRing, rate: RateLimit, sessions: Sessions, watch_port: int) -> None:
        self._keys = keys
        self._rate = rate
        self._sessions = sessions
        self._watch_port = watch_port
        self._scopes: Scopes = {}

    @classmethod
    def of(cls, settings: Settings) -> Authenticator:
        """The door that the settings ask for. Raises BadSettings."""
        keys = KeyRing.of(settings)
        rate = RateLimit(settings.rate_limit_per_minute, settings.web_workers)
        return cls(keys, rate, Sessions.of(settings, keys), settings.metrics_port)

    @classmethod
    def open(cls) -> Authenticator:
        """One that asks nobody for anything."""
        return cls.of(Settings.load({"RATE_LIMIT_PER_MINUTE": "0"}))

    def guard(self, app: OpenAPI) -> None:
        """Stand before every route of the application; to be called when all are registered."""
        self._scopes = declared_scopes(app)
        self._sessions.serve(app)
        app.extensions[KEYS] = self._keys
        app.before_request(self._admit)
        app.teardown_request(_forget)

    def _admit(self) -> Response | None:
        """None lets the request in."""
        endpoint = request.endpoint or ""
        if came_in_by(self._watch_port):
            return None if endpoint in ON_ITS_PORT else _not_here()
        if endpoint in HEALTH:
            return None
        presented = _presented()
        key = self._keys.find(presented) if presented else self._sessions.key()
        g.key = key
        if key:
            structlog.contextvars.bind_contextvars(key=key.name)
        # Whoever has no good key is counted, too: a wrong one is no way round the limit.
        wait_s = self._rate.wait_s(f"key {key.name}" if key else f"address {address_of(request.remote_addr or '')}")
        if wait_s:
            return _too_often(wait_s)
        if not self._keys.asks or endpoint in OPEN or is_page(endpoint) or _is_document(request.path):
            return None
        return self._refusal(key, presented)

    def _refusal(self, key: Key | None, presented: str) -> Response | None:
        if key is None:
            return _unauthorized(is_wrong=bool(presented))
        if request.endpoint is None:
            # No such route or method: anyone with a key may be told so.
            return None
        method = "GET" if request.method == "HEAD" else request.method
        scope = self._scopes.get((request.endpoint, method), "admin")
        if scope and not key.may(scope):
            return _forbidden(scope)
        # A GET may start an analysis, so it is not the method that tells what is harmless.
        if not presented and scope != "read" and not self._sessions.has_token():
            return _forged()
        return None


Scopes = dict[tuple[str, str], Scope | None]
"""By endpoint and method; None where any key will do."""


def declared_scopes(app: OpenAPI) -> Scopes:
    """What each endpoint and method needs, where its description says that it needs a key."""
    paths: dict[str, Any] = app.api_doc["paths"]
    scopes: Scopes = {}
    for rule in app.url_map.iter_rules():
        described = paths.get(rule.rule.replace("<", "{").replace(">", "}"), {})
        for method in rule.methods or ():
            # Every scheme asks for the same scope.
            for needed in described.get(method.lower(), {}).get("security", [])[:1]:
                [named] = needed.values()
                scopes[rule.endpoint, method] = named[0] if named else None
    return scopes


def _is_document(path: str) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in DOCUMENT)


def _presented() -> str:
    """The key as it was sent; never from the URL, which ends up in logs and histories."""
    if key := request.headers.get(KEY_HEADER, "").strip():
        return key
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unauthorized(*, is_wrong: bool) -> Response:
    _tell("unknown key" if is_wrong else "no key")
    if is_wrong:
        headers = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
        return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "this API key is not known here", headers)
    detail = "an API key is needed: send it as `X-API-Key: <key>` or `Authorization: Bearer <key>`"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, {"WWW-Authenticate": REALM})


def _forbidden(scope: Scope) -> Response:
    _tell(f"scope {scope} missing")
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'}
    return problem(HTTPStatus.FORBIDDEN, "forbidden", f"this API key lacks the scope `{scope}`", headers)


def _forged() -> Response:
    _tell("no session token")
    detail = f"a session needs its token in the header `{TOKEN_HEADER}` for this: `GET /session` tells it"
    return problem(HTTPStatus.FORBIDDEN, "csrf", detail)


def _too_often(wait_s: int) -> Response:
    _tell("rate limit")
    detail = f"too many requests within a minute (RATE_LIMIT_PER_MINUTE); ask again in {wait_s} s"
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", detail, {"Retry-After": str(wait_s)})


def _not_here() -> Response:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "this port is for /metrics, /healthz and /readyz alone")


def _tell(reason: str) -> None:
    """The audit line; the key's name is bound to it where it is known, the key itself appears nowhere."""
    log.warning(
        "request.refused",
        reason=reason,
        method=request.method,
        path=request.path[:LONGEST_PATH_TOLD],
        address=request.remote_addr,
    )


def _forget(_error: BaseException | None) -> None:
    # Threads serve one request after the other: the next one's lines must not name this one's key.
    structlog.contextvars.unbind_contextvars("key")
