"""Job routes: list, show, follow, rerun, cancel, download results."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from flask import Response, jsonify, stream_with_context
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.engine.aligned_crops import ALIGNED
from service.errors import AnalysisError, Conflict, MediaNotFound, NotFound
from service.jobs.names import LONGEST_BLOB
from service.jobs.record import JobRecord, State
from service.jobs.result_place import ResultPlace
from service.jobs.watcher import JobWatcher
from service.logs import continued_trace
from service.results.overlay import NAMES, TYPES
from service.results.publish import CSV_TYPE
from service.storage.blob_store import BlobInfo
from service.web.access.ownership import check_gallery, hide_gallery, own_name, sees_own_only, visible_record
from service.web.protocol.job_json import Job, JobList, ResultLinks, Results, job_answer
from service.web.protocol.openapi import CONTAINER, Parameters, content, needs, operation_name, optional, problems
from service.web.services import Services, services

RECONNECT_MS = 1000
COMMENT_EVERY_S = 5.0
EVENTS_AT_MOST_S = 600.0

FOUND_OR_NOT = problems(400, 404, 503)
STATE_MATTERS = problems(400, 404, 409, 503)

TO_READ = needs("read", own=True)
TO_CHANGE = needs("analyse", own=True)

jobs = APIBlueprint("jobs", __name__, abp_tags=[Tag(name="Jobs")], operation_id_callback=operation_name)


class JobPath(BaseModel):
    """Path of a job."""

    job_id: str = Field(pattern=r"^[0-9a-f]{32}$")


class JobsQuery(Parameters):
    """Filters of the list of jobs."""

    state: State | None = Field(None, json_schema_extra=optional)
    container: str | None = Field(
        None, min_length=3, max_length=63, pattern=CONTAINER["pattern"], json_schema_extra=optional
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_BLOB,
        description="Part of the blob's or the container's name, in any case. Over all containers, files and then "
        "containers whose names begin with it come first; an empty page with a `cursor` means: go on.",
        json_schema_extra=optional,
    )
    cursor: str | None = Field(
        None, max_length=2000, description="`cursor` of the page before.", json_schema_extra=optional
    )


class ResultsQuery(Parameters):
    """Kind of links."""

    links: Literal["sas", "plain"] = Field(
        "plain",
        description="`sas`: links that work without credentials, for a limited time; `plain`: links that need them.",
    )


@jobs.get("/jobs", endpoint="newest", responses={200: JobList, **problems(400, 503)}, security=TO_READ)
def list_jobs(query: JobsQuery) -> Response:
    """List jobs, newest first."""
    page = services().table.page(
        container=query.container,
        state=query.state,
        text=query.text or "",
        key_name=own_name() if sees_own_only() else "",
        cursor=query.cursor or "",
    )
    body = JobList(jobs=[job_answer(record) for record in page.records], cursor=page.cursor or None)
    return jsonify(body.model_dump(mode="json"))


@jobs.get("/jobs/<job_id>", endpoint="one", responses={200: Job, **FOUND_OR_NOT}, security=TO_READ)
def get_job(path: JobPath) -> Response:
    """Show a job: state, stage, progress, error, links."""
    return _answer(visible_record(path.job_id))


@jobs.post("/jobs/<job_id>/rerun", endpoint="rerun", responses={202: Job, **STATE_MATTERS}, security=TO_CHANGE)
def rerun(path: JobPath) -> Response:
    """Analyse the media of a finished job again: a new job of the next generation."""
    check_gallery(visible_record(path.job_id).job.options.gallery)
    response = _answer(services().submitter.rerun(path.job_id, continued_trace(None)))
    response.status_code = 202
    return response


@jobs.post("/jobs/<job_id>/cancel", endpoint="cancel", responses={202: Job, **STATE_MATTERS}, security=TO_CHANGE)
def cancel(path: JobPath) -> Response:
    """Cancel an unfinished job: at once while it is queued, within seconds while it runs."""
    visible_record(path.job_id)
    response = _answer(services().submitter.cancel(path.job_id))
    response.status_code = 202
    return response


@jobs.get(
    "/jobs/<job_id>/events",
    endpoint="events",
    responses={200: content("text/event-stream", None), **FOUND_OR_NOT},
    security=TO_READ,
)
def events(path: JobPath) -> Response:
    """Follow a job by server-sent events: a `job` event at each change, an `end` event when it has finished."""
    own = services()
    stream = stream_with_context(_events(own.watcher, visible_record(path.job_id)))
    response = Response(stream, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


@jobs.get("/jobs/<job_id>/results", endpoint="results", responses={200: Results, **STATE_MATTERS}, security=TO_READ)
def results(path: JobPath, query: ResultsQuery) -> Response:
    """Show a published result: its manifest, and links to its files in storage."""
    own = services()
    record = visible_record(path.job_id)
    place, csv = published(own, record)
    attempt = csv.metadata.get("attempt", "")
    names = {"csv": place.csv, "manifest": place.manifest(attempt)}
    body = Results(
        job_id=path.job_id,
        container=record.job.container,
        blob=record.job.blob,
        media=record.job.media,
        media_type=record.job.media_type,
        attempt=attempt,
        csv_sha256=csv.metadata.get("sha256", ""),
        links=_result_links(own, place.container, names, query.links),
        manifest=manifest_of(own, place, attempt),
    )
    return jsonify(body.model_dump(mode="json"))


@jobs.get(
    "/jobs/<job_id>/result.csv", endpoint="csv", responses={200: content("text/csv"), **STATE_MATTERS}, security=TO_READ
)
def result_csv(path: JobPath) -> Response:
    """Download the table."""
    own = services()
    place, csv = published(own, visible_record(path.job_id))
    response = Response(own.blobs.stream(place.container, place.csv), content_type=CSV_TYPE)
    response.content_length = csv.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(place.stem)}.csv"
    return response


@jobs.get(
    "/jobs/<job_id>/manifest.json",
    endpoint="manifest",
    responses={200: content("application/json", "object"), **STATE_MATTERS},
    security=TO_READ,
)
def manifest(path: JobPath) -> Response:
    """Download the manifest: engine, steps and verdict of a result, or the error of a failed job."""
    own = services()
    record = visible_record(path.job_id)
    if record.state == "failed":
        place, attempt = ResultPlace.of(record.job, own.settings.results_container), record.attempt_id
    else:
        place, csv = published(own, record)
        attempt = csv.metadata.get("attempt", "")
    return jsonify(manifest_of(own, place, attempt))


@jobs.get(
    "/jobs/<job_id>/overlay",
    endpoint="overlay",
    responses={200: content("video/mp4") | content("image/jpeg"), **STATE_MATTERS},
    security=TO_READ,
)
def overlay(path: JobPath) -> Response:
    """Download the overlay, the media with the measurements drawn into it, of jobs with `overlay=1`."""
    record = visible_record(path.job_id)
    missing = NotFound("this job has no overlay; ask for one with overlay=1", "no_overlay")
    return _artefact(record, NAMES[record.job.kind], TYPES[record.job.kind], missing)


@jobs.get(
    "/jobs/<job_id>/aligned",
    endpoint="aligned",
    responses={200: content("application/zip"), **STATE_MATTERS},
    security=TO_READ,
)
def aligned(path: JobPath) -> Response:
    """Download the aligned face crops, with their index, of jobs with `aligned=1`."""
    record = visible_record(path.job_id)
    missing = NotFound("this job has no aligned crops; ask for them with aligned=1", "no_aligned")
    return _artefact(record, ALIGNED, "application/zip", missing)


def _artefact(record: JobRecord, name: str, content_type: str, missing: NotFound) -> Response:
    """Stream a file of the published attempt. Raises `missing` where there is none."""
    own = services()
    place, csv = published(own, record)
    blob_name = place.artefact(csv.metadata.get("attempt", ""), name)
    try:
        blob = own.blobs.info(place.container, blob_name)
    except MediaNotFound as error:
        raise missing from error
    response = Response(own.blobs.stream(place.container, blob_name), content_type=content_type)
    response.content_length = blob.size
    return response


def _answer(record: JobRecord) -> Response:
    return jsonify(job_answer(record).model_dump(mode="json"))


def published(own: Services, record: JobRecord) -> tuple[ResultPlace, BlobInfo]:
    """Find the committed CSV, which may exist a moment before the record says so. Raises Conflict where it does not."""
    place = ResultPlace.of(record.job, own.settings.results_container)
    try:
        return place, own.blobs.info(place.container, place.csv)
    except AnalysisError as error:
        if error.retryable:
            raise
        raise Conflict(f"job {record.job.job_id} is {record.state} and has no result", "not_published") from error


def manifest_of(own: Services, place: ResultPlace, attempt: str) -> dict[str, Any]:
    """Read a result's manifest, without a gallery that is not the caller's. Raises NotFound."""
    try:
        text = own.blobs.read(place.container, place.manifest(attempt))
    except AnalysisError as error:
        if error.retryable:
            raise
        raise NotFound("the manifest of this result has been deleted", "no_manifest") from error
    return hide_gallery(dict(json.loads(text)))


def _result_links(own: Services, container: str, names: dict[str, str], kind: Literal["sas", "plain"]) -> ResultLinks:
    if kind == "plain":
        urls = {key: own.blobs.url(container, name) for key, name in names.items()}
        return ResultLinks(csv=urls["csv"], manifest=urls["manifest"], expires=None)
    minutes = own.settings.result_link_minutes
    signed = {key: own.blobs.link(container, name, minutes) for key, name in names.items()}
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    return ResultLinks(csv=signed["csv"], manifest=signed["manifest"], expires=expires)


def _events(watcher: JobWatcher, record: JobRecord) -> Iterator[str]:
    """Server-sent events until the job has finished; a client whose stream ends earlier connects again."""
    yield f"retry: {RECONNECT_MS}\n\n"
    until = time.monotonic() + EVENTS_AT_MOST_S
    sent = ""
    with watcher.following([record]) as following:
        while time.monotonic() < until:
            [record] = following.records
            text = json.dumps(job_answer(record).model_dump(mode="json"))
            # A comment keeps proxies from closing a quiet stream, and finds out whether the client still listens.
            yield ": nothing new\n\n" if text == sent else f"event: job\ndata: {text}\n\n"
            sent = text
            if record.is_finished:
                yield f"event: end\ndata: {text}\n\n"
            if following.is_over:
                return
            following.wait(COMMENT_EVERY_S)
