"""How routes are described in the OpenAPI document, where the library's defaults do not say what is sent."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from flask_openapi3.types import SecuritySchemesDict
from pydantic import BaseModel

from service.jobs.options import optional as optional
from service.web.access.keys import Scope
from service.web.protocol.problems import MEDIA_TYPE, Problem

Answers = dict[str | int, type[BaseModel] | dict[Any, Any] | None]
"""The answers of a route by status."""

AT_THE_DOOR = (401, 403, 429)
"""What every route that needs a key may answer before it runs."""

ANYWHERE = (413,)
"""What every route may answer before it runs: bodies have a limit."""

KEY_HEADER = "X-API-Key"
ASKED_WHERE = "Asked for where the service has API_KEYS or API_KEYS_FILE set."
SESSION_COOKIE = "media_analysis_session"
SECURITY_SCHEMES: SecuritySchemesDict = {
    "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": ASKED_WHERE},
    "bearer": {"type": "http", "scheme": "bearer", "description": f"The same keys. {ASKED_WHERE}"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A browser's, from `POST /session`; what is changed or started with it needs the session's "
        "token in the header `X-CSRF-Token` besides.",
    },
}

CONTAINER: dict[str, Any] = {"minLength": 3, "maxLength": 63, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
"""Names of containers; `names` decides, and says what is wrong with one."""

Security = list[dict[str, list[Any]]]
NO_KEY: Security = []


def needs(scope: Scope) -> Security:
    """What a route's key must be good for; `auth` holds callers to what is said here."""
    return [{scheme: [scope]} for scheme in SECURITY_SCHEMES]


ANY_KEY: Security = [{scheme: []} for scheme in SECURITY_SCHEMES]
"""Any key will do, whatever its scopes."""


def problems(*statuses: int, door: bool = True) -> Answers:
    """Errors, in the media type that they have; without `door`, of a route that asks for no key."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*statuses, *ANYWHERE, *(AT_THE_DOOR if door else ())})
    }


class Parameters(BaseModel):
    """Base of the models of queries, headers and forms."""

    @classmethod
    def model_json_schema(cls, *given: Any, **named: Any) -> dict[str, Any]:
        """As pydantic makes it; once, where nothing special is asked for: flask-openapi3 does so at every request."""
        return super().model_json_schema(*given, **named) if given or named else _plain_schema(cls)


@cache
def _plain_schema(model: type[Parameters]) -> dict[str, Any]:
    return super(Parameters, model).model_json_schema()


def content(content_type: str, kind: str | None = "string") -> dict[Any, Any]:
    """A success that is no JSON model; without a kind, one that OpenAPI 3.1 has no words for."""
    return {"description": "OK", "content": {content_type: {"schema": {"type": kind}} if kind else {}}}


def operation_name(*, name: str, **_: str) -> str:
    """Operations are named as their functions, so that generated clients read well."""
    return name
