"""The door: who asks, whether they may, and whether they ask too often; decided before any route runs.

What a route needs is what its OpenAPI description says (`document.needs`), so that the two cannot differ. A route
that says nothing needs `admin`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, request
from flask_openapi3 import OpenAPI

from service.keys import Key, KeyRing, Scope
from service.logs import log
from service.settings import Settings
from service.web.document import KEY_HEADER
from service.web.problems import problem
from service.web.rate import RateLimit, address_of

HEALTH = {"health.healthz", "health.readyz"}
"""Asked by load balancers and probes: no key, and never too often."""

PAGES = ("/openapi.json", "/docs")
"""The description of the API, and the pages that show it: no key."""

REALM = 'Bearer realm="media-analysis"'
LONGEST_PATH_TOLD = 200


class Door:
    """Lets requests in, or answers them instead."""

    def __init__(self, keys: KeyRing, rate: RateLimit) -> None:
        self._keys = keys
        self._rate = rate
        self._scopes: dict[tuple[str, str], Scope] = {}

    @classmethod
    def of(cls, settings: Settings) -> Door:
        """The door that the settings ask for. Raises BadSettings."""
        return cls(KeyRing.of(settings), RateLimit(settings.rate_limit_per_minute, settings.web_workers))

    def guard(self, app: OpenAPI) -> None:
        """Stand before every route of the application; to be called when all are registered."""
        self._scopes = declared_scopes(app)
        app.before_request(self._admit)
        app.teardown_request(_forget)

    def _admit(self) -> Response | None:
        """None lets the request in."""
        endpoint = request.endpoint or ""
        if endpoint in HEALTH:
            return None
        presented = _presented()
        key = self._keys.find(presented) if presented else None
        if key:
            structlog.contextvars.bind_contextvars(key=key.name)
        # Whoever has no good key is counted, too: a wrong one is no way round the limit.
        wait_s = self._rate.wait_s(f"key {key.name}" if key else f"address {address_of(request.remote_addr or '')}")
        if wait_s:
            return _too_often(wait_s)
        if not self._keys.asks or _is_page(request.path):
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
        return None if key.may(scope) else _forbidden(scope)


def declared_scopes(app: OpenAPI) -> dict[tuple[str, str], Scope]:
    """What each endpoint and method needs, where its description says that it needs a key."""
    paths: dict[str, Any] = app.api_doc["paths"]
    scopes: dict[tuple[str, str], Scope] = {}
    for rule in app.url_map.iter_rules():
        described = paths.get(rule.rule.replace("<", "{").replace(">", "}"), {})
        for method in rule.methods or ():
            # Every scheme asks for the same scope.
            for needed in described.get(method.lower(), {}).get("security", [])[:1]:
                [[scope]] = needed.values()
                scopes[rule.endpoint, method] = scope
    return scopes


def _is_page(path: str) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in PAGES)


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


def _too_often(wait_s: int) -> Response:
    _tell("rate limit")
    detail = f"too many requests within a minute (RATE_LIMIT_PER_MINUTE); ask again in {wait_s} s"
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", detail, {"Retry-After": str(wait_s)})


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
