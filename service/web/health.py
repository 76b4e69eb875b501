"""Is it alive, and can it work?"""

from __future__ import annotations

import time
from collections.abc import Callable

from flask_openapi3 import APIBlueprint, Tag

from service import __version__
from service.errors import AnalysisError
from service.web.answers import Check, Health, Readiness
from service.web.document import NO_KEY, operation_name, problems
from service.web.services import services

REFUSED = problems(400, door=False)

health = APIBlueprint("health", __name__, abp_tags=[Tag(name="Health")], operation_id_callback=operation_name)


@health.get("/healthz", summary="Is the process alive?", responses={200: Health, **REFUSED}, security=NO_KEY)
def healthz() -> dict[str, str]:
    """Answers without asking anything else."""
    return {"status": "ok", "version": __version__}


@health.get(
    "/readyz", summary="Can it do its work?", responses={200: Readiness, 503: Readiness, **REFUSED}, security=NO_KEY
)
def readyz() -> tuple[dict[str, object], int]:
    """Asks each dependency by name."""
    own = services()
    checks = {
        "blobs": _check(own.blobs.ping),
        "queue": _check(own.queue.length),
        "table": _check(own.table.ping),
    }
    ready = all(check.ok for check in checks.values())
    answer = Readiness(status="ready" if ready else "not ready", checks=checks)
    return answer.model_dump(), 200 if ready else 503


def _check(ping: Callable[[], object]) -> Check:
    began = time.monotonic()
    try:
        ping()
    except AnalysisError as error:
        return Check(ok=False, seconds=_since(began), error=error.message)
    return Check(ok=True, seconds=_since(began), error=None)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
