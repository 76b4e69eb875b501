"""Health routes: liveness, readiness and metrics."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag

from service import __version__, metrics
from service.health import findings
from service.web.protocol.job_json import Check, Health, Readiness
from service.web.protocol.openapi import NO_KEY, content, needs, operation_name, problems
from service.web.services import services

ON_METRICS_PORT = {"watching.numbers", "health.healthz", "health.readyz"}
"""Endpoints that METRICS_PORT serves."""

REFUSED = problems(400, keyed=False)

health = APIBlueprint("health", __name__, abp_tags=[Tag(name="Health")], operation_id_callback=operation_name)


@health.get("/healthz", summary="Is the process alive?", responses={200: Health, **REFUSED}, security=NO_KEY)
def healthz() -> dict[str, str]:
    """Answer without checking any dependency."""
    return {"status": "ok", "version": __version__}


@health.get(
    "/readyz", summary="Can it do its work?", responses={200: Readiness, 503: Readiness, **REFUSED}, security=NO_KEY
)
def readyz() -> tuple[dict[str, object], int]:
    """Check each dependency."""
    own = services()
    checks = findings({"blobs": own.blobs.ping, "queue": own.queue.length, "table": own.table.ping})
    ready = all(check.ok for check in checks.values())
    # Listed, but not required: jobs need no interactive analyser.
    checks |= findings({"analyser": own.analyser.ping})
    body = {name: Check(**asdict(check)) for name, check in checks.items()}
    return Readiness(status="ready" if ready else "not ready", checks=body).model_dump(), 200 if ready else 503


watching = APIBlueprint("watching", __name__, abp_tags=[Tag(name="Health")], operation_id_callback=operation_name)


@watching.get(
    "/metrics",
    endpoint="numbers",
    summary="Numbers for Prometheus",
    responses={200: content("text/plain"), **problems(400)},
    security=needs("read"),
)
def numbers() -> Response:
    """Metrics of all processes of this server in Prometheus' text format; without the queues' while storage is away."""
    return Response(metrics.exposition(services().queue_metrics), content_type=metrics.CONTENT_TYPE)


def arrived_on(port: int) -> bool:
    """Whether the request's connection is to this local port (0: none); its headers do not matter."""
    return port > 0 and request.environ.get("SERVER_PORT") == str(port)
