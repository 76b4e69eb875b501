"""`/jobs/<id>/annotations`: stretches of a video that reports and collected tables leave out."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field

from service.errors import BadRequest
from service.jobs.record import now
from service.logs import log
from service.results.annotations import (
    MOST_STRETCHES,
    Annotations,
    Stretch,
    read_annotations,
    write_annotations,
)
from service.web.access.ownership import visible_record
from service.web.access.session import current_key
from service.web.protocol.openapi import needs, operation_name, problems
from service.web.routes.jobs import JobPath, published
from service.web.services import services

ERRORS = problems(400, 404, 409, 503)

exclusions = APIBlueprint(
    "annotations", __name__, abp_tags=[Tag(name="Annotations")], operation_id_callback=operation_name
)


class Exclusions(BaseModel):
    """All stretches of a video to be excluded; an empty list excludes none."""

    model_config = ConfigDict(extra="forbid")

    excluded: list[Stretch] = Field(max_length=MOST_STRETCHES)


@exclusions.get(
    "/jobs/<job_id>/annotations",
    endpoint="annotations",
    responses={200: Annotations, **ERRORS},
    security=needs("read", own=True),
)
def show(path: JobPath) -> Response:
    """Show the excluded stretches of a result, with their authors."""
    own = services()
    place, _ = published(own, visible_record(path.job_id))
    return jsonify(read_annotations(own.blobs, place).model_dump(mode="json"))


@exclusions.put(
    "/jobs/<job_id>/annotations",
    endpoint="annotate",
    responses={200: Annotations, **ERRORS},
    security=needs("analyse", own=True),
)
def replace(path: JobPath, body: Exclusions) -> Response:
    """Replace the excluded stretches of a video's result. The table stays as it is; reports are made again."""
    own = services()
    record = visible_record(path.job_id)
    place, _ = published(own, record)
    if record.job.media != "video":
        raise BadRequest("pictures have no stretches to exclude", "no_video")
    key = current_key()
    by = key.name if key else "anonymous"
    changed = read_annotations(own.blobs, place).replaced(body.excluded, by, now())
    write_annotations(own.blobs, place, changed)
    log.info("result.annotated", job_id=path.job_id, excluded=len(changed.excluded))
    return jsonify(changed.model_dump(mode="json"))
