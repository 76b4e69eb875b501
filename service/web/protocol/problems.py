"""Error responses as `application/problem+json` (RFC 9457) with a stable `code`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, g, json, make_response, render_template, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from service.errors import (
    AnalysisError,
    StorageUnavailable,
)
from service.logs import log
from service.web import languages

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="Stable and machine-readable.")
    detail: str = Field(description="A sentence for people, with what to do where that is known.")


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make an error response: a page for somebody who follows a link in a browser, JSON for every program."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    if wants_page():
        g.is_error_page = True
        page = render_template(
            "error.html",
            title=languages.title(status, body.title),
            problem=body,
            sentence=languages.error_sentence(code),
        )
        response = make_response(page, status)
    else:
        response = make_response(json.dumps(body.model_dump()), status)
        response.content_type = MEDIA_TYPE
    response.headers["Vary"] = "Accept"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers.update(headers or {})
    return response


def wants_page() -> bool:
    """Whether the request is a browser's navigation, which prefers HTML; `*/*` alone asks for JSON."""
    accepted = request.accept_mimetypes
    return request.method == "GET" and accepted.best_match((MEDIA_TYPE, "application/json", "text/html")) == "text/html"


NOTHING_HERE = "there is nothing at this address"


def from_validation(error: ValidationError) -> Response:
    """Make the response to a request whose parameters do not fit the OpenAPI document."""
    faults = [f"{'.'.join(map(str, fault['loc'])) or 'request'}: {fault['msg']}" for fault in error.errors()]
    return problem(HTTPStatus.BAD_REQUEST, "bad_request", "; ".join(faults))


def register(app: Flask) -> None:
    """Turn every error of the application into a problem response."""
    app.register_error_handler(AnalysisError, _from_analysis_error)
    app.register_error_handler(HTTPException, _from_http_exception)
    app.register_error_handler(Exception, _from_exception)


def _from_analysis_error(error: AnalysisError) -> Response:
    status = error.http_status
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", error_code=error.code, error=error.message)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        event = "request.storage_away" if isinstance(error, StorageUnavailable) else "request.unavailable"
        log.warning(event, error_code=error.code, error=error.message)
    return problem(status, error.code, error.message)


def _from_http_exception(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    # The routing's own words advise to check a spelling; who comes here followed a link.
    detail = NOTHING_HERE if status == HTTPStatus.NOT_FOUND else error.description
    response = problem(status, status.name.lower(), detail or status.phrase)
    for name, value in error.get_headers():
        if name in {"Allow", "Location", "Retry-After"}:
            response.headers[name] = value
    return response


def _from_exception(error: Exception) -> Response:
    log.exception("request.unexpected_error")
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "an unexpected error occurred; the server's log has the details",
    )
