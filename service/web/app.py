"""The application factory."""

from __future__ import annotations

import time

from flask import Response, g, request
from flask_openapi3 import Info, OpenAPI

from service import __version__
from service.logs import bound, continued_trace, log
from service.web import problems
from service.web.analyse import analyse
from service.web.health import health
from service.web.jobs import jobs
from service.web.services import KEY, Services

INFO = Info(
    title="Media analysis",
    version=__version__,
    description=(
        "Action units, head pose, gaze and landmarks of faces in photos and videos, measured by the OpenFace "
        "commands. Errors are problem+json (RFC 9457) with a stable `code`."
    ),
)


def create_app(services: Services) -> OpenAPI:
    """The web application over one set of services; tests and gunicorn make theirs here."""
    app = OpenAPI(
        __name__,
        info=INFO,
        doc_prefix="/docs",
        validation_error_status=400,
        validation_error_model=problems.Problem,
        validation_error_callback=problems.from_validation,
        security_schemes={},
        static_folder=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[KEY] = services
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    problems.register(app)
    for blueprint in (health, analyse, jobs):
        app.register_api(blueprint)
    app.add_url_rule("/openapi.json", "openapi_document", lambda: app.api_doc)
    app.before_request(_begin)
    app.after_request(_tell)
    return app


def _begin() -> None:
    g.began = time.monotonic()


def _tell(response: Response) -> Response:
    """One line a request, with the caller's trace."""
    if request.endpoint == "health.healthz":
        return response
    trace_id = continued_trace(request.headers.get("traceparent")).split("-")[1]
    with bound(trace_id=trace_id):
        log.info(
            "request.answered",
            method=request.method,
            path=request.path,
            status=response.status_code,
            duration_s=round(time.monotonic() - g.began, 4),
        )
    return response
