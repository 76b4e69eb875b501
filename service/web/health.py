"""Is it alive, and can it work?"""

from __future__ import annotations

from dataclasses import asdict

from flask_openapi3 import APIBlueprint, Tag

from service import __version__
from service.readiness import findings
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
    checks = findings({"blobs": own.blobs.ping, "queue": own.queue.length, "table": own.table.ping})
    ready = all(check.ok for check in checks.values())
    # Told, but not asked for: jobs go on without whoever answers at once.
    checks |= findings({"analyser": own.analyst.ping})
    told = {name: Check(**asdict(check)) for name, check in checks.items()}
    return Readiness(status="ready" if ready else "not ready", checks=told).model_dump(), 200 if ready else 503
