"""The application factory."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from flask import Response, g, request
from flask_openapi3 import Info, OpenAPI

from service import __version__, metrics
from service.errors import BadRequest
from service.logs import bound, continued_trace, log
from service.web.access.auth import Authenticator
from service.web.access.session import sessions
from service.web.protocol import bodies, problems, security_headers
from service.web.protocol.openapi import SECURITY_SCHEMES
from service.web.routes.analyse import analyse
from service.web.routes.faces import faces
from service.web.routes.health import health, watching
from service.web.routes.jobs import jobs
from service.web.routes.pages import pages
from service.web.routes.reports import reports
from service.web.routes.schema import schema
from service.web.routes.uploads import uploads
from service.web.services import KEY, Services

INFO = Info(
    title="Media analysis",
    version=__version__,
    description=(
        "Action units, head pose, gaze and landmarks of faces in photos and videos, measured by the OpenFace "
        "commands. Errors are problem+json (RFC 9457) with a stable `code`."
    ),
)


QUIET = {"health.healthz", "watching.numbers"}
"""Asked every few seconds: no line for each."""


def create_app(
    services: Services, door: Authenticator | None = None, extra: Callable[[OpenAPI], None] = lambda app: None
) -> OpenAPI:
    """The web application over one set of services; tests and gunicorn make theirs here.

    Without a door nobody is asked for a key: for tests of what is behind it. `extra` adds what can be left out.
    """
    app = OpenAPI(
        __name__,
        info=INFO,
        doc_prefix="/docs",
        validation_error_status=400,
        validation_error_model=problems.Problem,
        validation_error_callback=problems.from_validation,
        security_schemes=SECURITY_SCHEMES,
        static_folder=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[KEY] = services
    # A path means what it says or nothing: no redirect to a tidier one.
    app.url_map.merge_slashes = False
    # The document names no OPTIONS, and no browser page of another origin calls us.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    problems.register(app)
    for blueprint in (health, watching, sessions, uploads, analyse, jobs, reports, faces, schema):
        app.register_api(blueprint)
    app.register_blueprint(pages)
    extra(app)
    app.add_url_rule("/openapi.json", "openapi_document", lambda: app.api_doc)
    security_headers.guard(app)
    app.before_request(_begin)
    app.before_request(bodies.refuse_long_body)
    (door or Authenticator.open()).guard(app)
    bodies.guard(app)
    app.before_request(_refuse_undecodable)
    app.after_request(_tell)
    return app


def _begin() -> None:
    g.began = time.monotonic()


def _refuse_undecodable() -> None:
    """Characters put in place of what is no UTF-8 could name another blob than was meant. Raises BadRequest."""
    try:
        unquote_to_bytes(request.query_string).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("the query is not UTF-8, percent-encoded") from error


def _tell(response: Response) -> Response:
    """One line a request, with the caller's trace; and its numbers."""
    seconds = time.monotonic() - g.began
    metrics.request_answered(request.url_rule.rule if request.url_rule else "none", response.status_code, seconds)
    if request.endpoint in QUIET:
        return response
    trace_id = continued_trace(request.headers.get("traceparent")).split("-")[1]
    # Of a route about one job; its lines are found by the same word as the worker's.
    about = {"job_id": job_id} if (job_id := (request.view_args or {}).get("job_id")) else {}
    with bound(trace_id=trace_id, **about):
        log.info(
            "request.answered",
            method=request.method,
            path=request.path,
            status=response.status_code,
            duration_s=round(seconds, 4),
        )
    return response
