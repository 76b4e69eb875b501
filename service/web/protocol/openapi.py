"""OpenAPI descriptions of routes, where the library's defaults do not fit."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from flask_openapi3.types import SecuritySchemesDict
from pydantic import BaseModel

from service.jobs.options import optional as optional
from service.jobs.studies import LONGEST_NAME as LONGEST_STUDY
from service.jobs.studies import NAME_PATTERN as STUDY_PATTERN
from service.web.access.keys import OWN, Scope
from service.web.protocol.problems import MEDIA_TYPE, Problem

Answers = dict[str | int, type[BaseModel] | dict[Any, Any] | None]
"""Responses of a route by status."""

ACCESS_STATUSES = (401, 403, 429)
"""Refusals of any route that needs a key."""

COMMON_STATUSES = (413,)
"""Refusals of any route: bodies have a limit."""

KEY_HEADER = "X-API-Key"
WHERE_NEEDED = "Needed where the service has API_KEYS or API_KEYS_FILE set."
SESSION_COOKIE = "faceline_session"
SECURITY_SCHEMES: SecuritySchemesDict = {
    "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": WHERE_NEEDED},
    "bearer": {"type": "http", "scheme": "bearer", "description": f"One of the API keys. {WHERE_NEEDED}"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A browser session, from `POST /session`; requests that change or start something also need the "
        "session's token in the header `X-CSRF-Token`.",
    },
}

CONTAINER: dict[str, Any] = {"minLength": 3, "maxLength": 63, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
"""Schema of container names; `jobs.names` has the full rule."""


def study_name(schema: dict[str, Any]) -> None:
    """Describe the optional name of a study; `jobs.studies` has the rule."""
    optional(schema)
    schema |= {"minLength": 1, "maxLength": LONGEST_STUDY, "pattern": STUDY_PATTERN}


Security = list[dict[str, list[Any]]]
NO_KEY: Security = []


def needs(scope: Scope, *, own: bool = False) -> Security:
    """Declare the scope that a route needs; `access.auth` enforces it.

    Args:
        own: whether the narrower scope is enough: the route shows and changes nothing of other keys then.
    """
    scopes = [scope, OWN[scope]] if own else [scope]
    return [{scheme: [one]} for one in scopes for scheme in SECURITY_SCHEMES]


ANY_KEY: Security = [{scheme: []} for scheme in SECURITY_SCHEMES]
"""Any key, whatever its scopes."""


def problems(*statuses: int, keyed: bool = True) -> Answers:
    """Describe a route's errors; `keyed` adds those of routes that need a key."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*statuses, *COMMON_STATUSES, *(ACCESS_STATUSES if keyed else ())})
    }


class Parameters(BaseModel):
    """Base class of the models of queries, headers and forms."""

    @classmethod
    def model_json_schema(cls, *given: Any, **named: Any) -> dict[str, Any]:
        """Cache the default schema, which flask-openapi3 asks for at every request."""
        return super().model_json_schema(*given, **named) if given or named else _plain_schema(cls)


@cache
def _plain_schema(model: type[Parameters]) -> dict[str, Any]:
    return super(Parameters, model).model_json_schema()


def content(content_type: str, kind: str | None = "string") -> dict[Any, Any]:
    """Describe a successful response that is not a JSON model; without a kind, one that OpenAPI 3.1 cannot describe."""
    return {"description": "OK", "content": {content_type: {"schema": {"type": kind}} if kind else {}}}


def operation_name(*, name: str, **_: str) -> str:
    """Name operations by their functions, so that generated clients read well."""
    return name
