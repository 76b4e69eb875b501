"""Browser sessions: a key exchanged for a cookie that scripts cannot read and other sites cannot send.

The cookie is signed and names the key by a fingerprint, so that revoking a key ends its sessions at once. Requests that
change or start something must repeat the session's token in a header, which only this service's pages can do.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from flask import Response, current_app, g, jsonify, request, session
from flask_openapi3 import APIBlueprint, OpenAPI, Tag
from pydantic import BaseModel, Field

from service.settings import Settings
from service.web.access.keys import SCOPES, Key, KeyRing, Scope
from service.web.protocol.openapi import ANY_KEY, NO_KEY, SESSION_COOKIE, operation_name, problems

LIFETIME = timedelta(hours=8)
TOKEN_HEADER = "X-CSRF-Token"

sessions = APIBlueprint("session", __name__, abp_tags=[Tag(name="Session")], operation_id_callback=operation_name)


class Session(BaseModel):
    """The caller's session."""

    asks_for_keys: bool = Field(description="Whether this service needs a key.")
    key: str | None = Field(description="Name of the session's key.")
    scopes: list[Scope]
    csrf_token: str | None = Field(
        description=f"Send it as `{TOKEN_HEADER}` with every request of a session that changes or starts something."
    )


class Sessions:
    """Creates sessions, and finds the key of one."""

    def __init__(self, keys: KeyRing, secret: str, *, secure: bool) -> None:
        """Keep the ring and the signing secret; `secure` cookies are sent over TLS or to this machine only."""
        self._keys = keys
        self._secret = secret
        self._secure = secure

    @classmethod
    def of(cls, settings: Settings, keys: KeyRing) -> Sessions:
        """Build from the settings. Without SESSION_SECRET sessions end with this process."""
        secret = settings.session_secret.get_secret_value() if settings.session_secret else secrets.token_urlsafe(32)
        return cls(keys, secret, secure=not settings.listens_on_loopback)

    def configure(self, app: OpenAPI) -> None:
        """Configure the application's session cookie."""
        app.secret_key = self._secret
        app.permanent_session_lifetime = LIFETIME
        app.config.update(
            SESSION_COOKIE_NAME=SESSION_COOKIE,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            SESSION_COOKIE_SECURE=self._secure,
            SESSION_REFRESH_EACH_REQUEST=False,
        )
        app.extensions[SESSION_COOKIE] = self

    def begin(self, key: Key) -> None:
        """Start the key's session with this response."""
        session.clear()
        session.permanent = True
        session.update(key=key.name, fingerprint=_fingerprint(key), token=secrets.token_urlsafe(32))

    def key(self) -> Key | None:
        """Return the key of the request's session, if it is still valid."""
        fingerprint = session.get("fingerprint")
        if not isinstance(fingerprint, str):
            return None
        matching = (key for key in self._keys.current() if hmac.compare_digest(_fingerprint(key), fingerprint))
        return next(matching, None)

    def has_token(self) -> bool:
        """Whether the request repeats its session's token."""
        sent = request.headers.get(TOKEN_HEADER, "")
        return hmac.compare_digest(str(session.get("token", "")).encode(), sent.encode("utf-8", "replace"))

    def describe(self, key: Key | None) -> Session:
        """Describe the session to its caller."""
        scopes = [scope for scope in SCOPES if key and key.may(scope)]
        token = session.get("token") if key else None
        return Session(asks_for_keys=self._keys.asks, key=key.name if key else None, scopes=scopes, csrf_token=token)


@sessions.get("/session", endpoint="show", responses={200: Session, **problems(400, 429, keyed=False)}, security=NO_KEY)
def show_session() -> Response:
    """Show whether keys are needed, and the session's key and scopes."""
    own = _own()
    return _answer(own.describe(own.key()))


@sessions.post("/session", endpoint="begin", responses={201: Session, **problems(400)}, security=ANY_KEY)
def begin_session() -> Response:
    """Exchange the key of the header for a session cookie (HttpOnly, SameSite=Strict)."""
    own, key = _own(), current_key()
    if key:
        own.begin(key)
    response = _answer(own.describe(key))
    response.status_code = 201
    return response


@sessions.delete("/session", endpoint="end", responses={204: None, **problems(400, 429, keyed=False)}, security=NO_KEY)
def end_session() -> Response:
    """End the session."""
    session.clear()
    return Response(status=204)


def current_key() -> Key | None:
    """Return the key of this request, as the authenticator has found it."""
    key = g.get("key")
    return key if isinstance(key, Key) else None


def _own() -> Sessions:
    found = current_app.extensions[SESSION_COOKIE]
    assert isinstance(found, Sessions)
    return found


def _answer(body: Session) -> Response:
    response = jsonify(body.model_dump(mode="json"))
    response.headers["Cache-Control"] = "no-store"
    return response


def _fingerprint(key: Key) -> str:
    return hashlib.sha256(b"session:" + key.digest).hexdigest()
