"""How routes are described in the OpenAPI document, where the library's defaults do not say what is sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service.web.problems import MEDIA_TYPE, Problem

Answers = dict[str | int, type[BaseModel] | dict[Any, Any] | None]
"""The answers of a route by status."""


def problems(*statuses: int) -> Answers:
    """Errors, in the media type that they have."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def content(content_type: str, kind: str = "string") -> dict[Any, Any]:
    """A success that is no JSON model."""
    return {"description": "OK", "content": {content_type: {"schema": {"type": kind}}}}


def operation_name(*, name: str, **_: str) -> str:
    """Operations are named as their functions, so that generated clients read well."""
    return name
