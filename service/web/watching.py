"""`/metrics`: what the server has counted, and how the queues are, for Prometheus.

On the port of its own (METRICS_PORT) there is nothing but this and the two questions about health, and no key is
asked for; on the server's own port it needs one, as everything else.
"""

from __future__ import annotations

from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag

from service import metrics
from service.web.document import content, needs, operation_name, problems
from service.web.services import services

ON_ITS_PORT = {"watching.numbers", "health.healthz", "health.readyz"}

watching = APIBlueprint("watching", __name__, abp_tags=[Tag(name="Health")], operation_id_callback=operation_name)


@watching.get(
    "/metrics",
    endpoint="numbers",
    summary="Numbers for Prometheus",
    responses={200: content("text/plain"), **problems(400)},
    security=needs("read"),
)
def numbers() -> Response:
    """Of all processes of this server, in Prometheus' text format; the queues' are left out while storage is away."""
    return Response(metrics.exposition(services().queue_watch), content_type=metrics.CONTENT_TYPE)


def came_in_by(port: int) -> bool:
    """Whether the request was sent to this port of ours, 0 for none; taken from the connection, not from its words."""
    return port > 0 and request.environ.get("SERVER_PORT") == str(port)
