"""The application factory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote_to_bytes

from flask import Response, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_openapi3 import Info, OpenAPI

from service import __version__, metrics
from service.errors import BadRequest
from service.logs import bound, continued_trace, log
from service.web import languages
from service.web.access.auth import HEALTH, Authenticator
from service.web.access.origin import OriginCheck
from service.web.access.proxies import trust_proxies
from service.web.access.session import sessions
from service.web.protocol import bodies, problems, security_headers, work_slots
from service.web.protocol.examples import add_examples
from service.web.protocol.openapi import SECURITY_SCHEMES
from service.web.routes.analyse import analyse
from service.web.routes.annotations import exclusions
from service.web.routes.downloads import downloads
from service.web.routes.faces import faces
from service.web.routes.health import health, watching
from service.web.routes.jobs import jobs
from service.web.routes.pages import pages
from service.web.routes.picture_faces import picture_faces
from service.web.routes.reports import reports
from service.web.routes.schema import schema
from service.web.routes.studies import studies
from service.web.routes.uploads import uploads
from service.web.routes.viewer import viewer
from service.web.services import KEY, Services

INFO = Info(
    title="Faceline",
    version=__version__,
    description=(
        "Action units, head pose, gaze and landmarks of faces in photos and videos, measured by the OpenFace "
        "commands. Errors are problem+json (RFC 9457) with a stable `code`."
    ),
)


UNLOGGED = {"health.healthz", "watching.numbers"}
"""Endpoints polled every few seconds; their requests are counted and not logged."""


BLUEPRINTS = (
    health,
    watching,
    sessions,
    uploads,
    analyse,
    jobs,
    reports,
    downloads,
    exclusions,
    studies,
    viewer,
    picture_faces,
    faces,
    schema,
)


def create_app(
    services: Services, authenticator: Authenticator | None = None, extra: Callable[[OpenAPI], None] = lambda app: None
) -> OpenAPI:
    """Create the web application over one set of services.

    Args:
        authenticator: checks keys, scopes and rates; without one every request is admitted (for tests of the routes).
        extra: registers optional blueprints, such as identity's.
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
    # No redirects to normalised paths: clients and proxies treat them differently.
    app.url_map.merge_slashes = False
    # OPTIONS is not part of the API: pages of other origins do not call it.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    problems.register(app)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(pages)
    languages.install(app)
    extra(app)
    app.add_url_rule("/openapi.json", "openapi_document", lambda: app.api_doc)
    security_headers.guard(app)
    app.before_request(_begin)
    authenticator = authenticator or Authenticator.open()
    threads = authenticator.settings.web_threads
    work_slots.guard(app, lambda: threads, exempt=_needs_no_slot)
    app.before_request(_refuse_without_host)
    OriginCheck(authenticator.settings, keys_needed=authenticator.needs_keys).guard(app)
    app.before_request(bodies.refuse_long_body)
    authenticator.guard(app)
    bodies.guard(app)
    app.before_request(_refuse_undecodable)
    app.before_request(_open_document)
    app.after_request(_log_request)
    trust_proxies(app, authenticator.settings)
    return app


def _begin() -> None:
    g.began = time.monotonic()


def _open_document() -> ResponseReturnValue | None:
    """Complete the OpenAPI document before it is shown; an index of one entry gives way to Swagger's page."""
    if request.path == "/openapi.json" or request.path.startswith("/docs"):
        add_examples(cast(OpenAPI, current_app).api_doc)
    return redirect("/docs/swagger") if request.path in ("/docs", "/docs/") else None


def _needs_no_slot() -> bool:
    """Whether the request is a probe's, or one with a body, of which `bodies` limits the number."""
    return request.endpoint in HEALTH or bodies.is_taken()


def _refuse_without_host() -> None:
    """HTTP/1.1 asks for exactly one Host, and for 400 otherwise (RFC 9112, 3.2). Raises BadRequest."""
    host = request.environ.get("HTTP_HOST")
    if "," in (host or "") or (host is None and request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1"):
        raise BadRequest("the request names no Host, or more than one")


def _refuse_undecodable() -> None:
    """Refuse queries that are not UTF-8: replacement characters could name another blob. Raises BadRequest."""
    try:
        unquote_to_bytes(request.query_string).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("the query is not UTF-8, percent-encoded") from error


def _log_request(response: Response) -> Response:
    """Count the request, and log one line with the caller's trace id."""
    seconds = time.monotonic() - g.began
    metrics.request_answered(request.url_rule.rule if request.url_rule else "none", response.status_code, seconds)
    if request.endpoint in UNLOGGED:
        return response
    trace_id = continued_trace(request.headers.get("traceparent")).split("-")[1]
    # Routes of one job log its id under the worker's field name.
    fields = {"job_id": job_id} if (job_id := (request.view_args or {}).get("job_id")) else {}
    with bound(trace_id=trace_id, **fields):
        log.info(
            "request.answered",
            method=request.method,
            path=request.path,
            status=response.status_code,
            duration_s=round(seconds, 4),
        )
    return response
