"""`/jobs/<id>/people.json`: the people recognised in a job that named a gallery."""

from __future__ import annotations

import json

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from service.errors import AnalysisError, Conflict, NotFound
from service.identity.rights import audit
from service.jobs.result_place import PEOPLE, ResultPlace
from service.results.publish import published_attempt
from service.web.identity.own_gallery import own_gallery
from service.web.protocol.openapi import content, needs, operation_name, problems
from service.web.routes.jobs import JobPath
from service.web.services import services

people = APIBlueprint(
    "identity_people", __name__, abp_tags=[Tag(name="Who is it")], operation_id_callback=operation_name
)


@people.get(
    "/jobs/<job_id>/people.json",
    endpoint="people",
    responses={200: content("application/json", "object"), **problems(400, 404, 409, 503)},
    security=needs("identity"),
)
def job_people(path: JobPath) -> Response:
    """Show for each face, or track of a face, the matched person and distance; of jobs with the caller's `gallery=`."""
    own = services()
    record = own.table.get(path.job_id)
    if not record.job.options.gallery:
        raise NotFound("this job named no gallery", "no_gallery")
    gallery = own_gallery(record.job.options.gallery)
    place = ResultPlace.of(record.job, own.settings.results_container)
    attempt = published_attempt(own.blobs, place)
    if attempt is None:
        raise Conflict(f"job {path.job_id} is {record.state} and has no result", "not_published")
    audit("result", gallery, job_id=path.job_id)
    try:
        text = own.blobs.read(place.container, place.artefact(attempt, PEOPLE))
    except AnalysisError as error:
        if error.retryable:
            raise
        raise NotFound("the people.json of this result has been deleted", "no_people") from error
    response = jsonify(json.loads(text))
    response.headers["Cache-Control"] = "no-store"
    return response
