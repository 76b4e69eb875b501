"""Health routes: liveness, readiness and metrics."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict

from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag

from service import __version__, metrics
from service.health import Finding, findings
from service.web.protocol.job_json import Check, Health, Readiness
from service.web.protocol.openapi import NO_KEY, content, needs, operation_name, problems
from service.web.services import Services, services

ON_METRICS_PORT = {"watching.numbers", "health.healthz", "health.readyz"}
"""Endpoints that METRICS_PORT serves."""

READINESS_KEPT_S = 2.0
REFUSED = problems(400, keyed=False)


class KeptChecks:
    """The last readiness checks: one round serves all probes of two seconds, so that probes do not load storage."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._of: Services | None = None
        self._checks: dict[str, Finding] = {}

    def checks(self) -> dict[str, Finding]:
        """Return checks that are at most `READINESS_KEPT_S` old."""
        own = services()
        with self._lock:
            if self._of is not own or time.monotonic() >= self._until:
                pings = {"blobs": own.blobs.ping, "queue": own.queue.length, "table": own.table.ping}
                self._checks = findings(pings | {"analyser": own.analyser.ping})
                self._of, self._until = own, time.monotonic() + READINESS_KEPT_S
            return self._checks


_kept = KeptChecks()

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
    checks = _kept.checks()
    # The analyser is listed, but not required: jobs do not need it.
    ready = all(check.ok for name, check in checks.items() if name != "analyser")
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
