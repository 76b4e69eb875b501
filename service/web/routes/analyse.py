"""`/analyse/<media>/<media_type>/<name>`: submit the blobs of a container as jobs."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import urlencode

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.errors import BadRequest, MediaTooLarge, NotFound, UnsupportedMedia
from service.jobs.callbacks import LONGEST, MOST, CallbackRules
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import JobMedia, Media, MediaType, kind_of
from service.jobs.names import LONGEST_BLOB, check_blob, check_container, is_upload
from service.jobs.options import (
    OPTION_NAMES,
    SHORT_FORMS,
    JobOptions,
    RequestedOptions,
)
from service.jobs.record import JobRecord
from service.jobs.sequence import frozen_job
from service.jobs.studies import check_study, study_of
from service.jobs.submit import uploader_of
from service.logs import continued_trace
from service.storage.blob_store import BlobInfo
from service.web.access.ownership import is_visible, own_name, sees_own_only, visible_upload
from service.web.access.session import current_key
from service.web.protocol.job_json import Jobs, job_answer, link, with_query
from service.web.protocol.openapi import CONTAINER, Parameters, needs, operation_name, optional, problems, study_name
from service.web.protocol.prefer_wait import applied, waited
from service.web.services import Services, may_use_gallery, services

EXAMPLES = 5

ERRORS = problems(400, 404, 413, 415, 503)
NEEDS = needs("analyse", own=True)

analyse = APIBlueprint("analyse", __name__, abp_tags=[Tag(name="Analyse")], operation_id_callback=operation_name)


def _blob_schema(schema: dict[str, Any]) -> None:
    optional(schema)
    schema |= {"minLength": 1, "maxLength": LONGEST_BLOB}


def _callback_schema(schema: dict[str, Any]) -> None:
    schema.pop("default", None)
    schema |= {"maxItems": MOST, "items": {"type": "string", "format": "uri", "maxLength": LONGEST}}


class AnalysePath(BaseModel):
    """Path of an analysis: media, media type and container."""

    media: str = Field(
        description="`image` runs FaceLandmarkImg, `video` FeatureExtraction; `sequence` takes the pictures below the "
        "prefix `blob` as the frames of one video.",
        json_schema_extra={"enum": [*get_args(JobMedia)]},
    )
    media_type: str = Field(
        description="`wild` adds `-wild`, for media in uncontrolled conditions. Short: `ip`, `iw`, `vp`, `vw`.",
        json_schema_extra={"enum": ["posed", "wild", *SHORT_FORMS]},
    )
    name: str = Field(description="Container of the upload.", json_schema_extra=CONTAINER)


class AnalyseQuery(RequestedOptions, Parameters):
    """Blob and options of an analysis."""

    blob: str | None = Field(
        None,
        description="One blob, without empty, `.` or `..` segments, control characters and backslashes; "
        "without it, every such blob of this media in the container. Of a sequence the prefix of its pictures.",
        json_schema_extra=_blob_schema,
    )
    study: str | None = Field(
        None,
        description="Study into which the jobs are put, besides others that they stand in; no part of a job's "
        "identity. Default: the study that an upload names.",
        json_schema_extra=study_name,
    )
    callback: list[str] = Field(
        [],
        description=f"Addresses that get a signed call when a job ends, at most {MOST}, each a parameter of its own; "
        "their hosts are among CALLBACK_HOSTS. Not part of a job's identity.",
        json_schema_extra=_callback_schema,
    )
    cursor: str | None = Field(
        None, description="Cursor of the page before, as its `next` link has it.", json_schema_extra=optional
    )


@analyse.get("/analyse/<media>/<media_type>/<name>", responses={200: Jobs, 202: Jobs, **ERRORS}, security=NEEDS)
def analyse_by_get(path: AnalysePath, query: AnalyseQuery) -> Response:
    """Analyse an upload, as a function or a browser asks.

    Repeating a request is harmless: the same media analysed the same way is the same job. `Prefer: wait=N` (at most
    25 s) holds the response until the jobs have finished.
    """
    return _analyse(path, query)


@analyse.post("/analyse/<media>/<media_type>/<name>", responses={200: Jobs, 202: Jobs, **ERRORS}, security=NEEDS)
def analyse_by_post(path: AnalysePath, query: AnalyseQuery) -> Response:
    """Analyse an upload.

    Repeating a request is harmless: the same media analysed the same way is the same job. `Prefer: wait=N` (at most
    25 s) holds the response until the jobs have finished.
    """
    return _analyse(path, query)


def _analyse(path: AnalysePath, query: AnalyseQuery) -> Response:
    own = services()
    media, media_type = _kind(path.media, path.media_type)
    container = check_container(path.name, own.settings.results_container)
    given = _options_given()
    study = "" if query.study is None else check_study(query.study)
    # Before anything is submitted, so that a refused address starts no job.
    callbacks = CallbackRules.of(own.settings).check_all(query.callback)
    options = JobOptions.resolve(
        media,
        media_type,
        given,
        galleries=may_use_gallery(given.get("gallery", "")),
        engines=own.settings.engine_folders,
    )
    if media == "sequence":
        jobs, cursor = [_sequence(own, container, _prefix(query.blob), media_type, options)], ""
        key_names, studies = [own_name()], [study]
    else:
        blobs, cursor = _chosen(own, container, media, query)
        jobs = [AnalysisJob(container, blob.name, blob.etag, media, media_type, options) for blob in blobs]
        key_names = [uploader_of(blob.metadata) or own_name() for blob in blobs]
        studies = [study or study_of(blob.metadata) for blob in blobs]
    submitted = _submit(own, jobs, key_names, studies)
    if callbacks:
        submitted = [own.submitter.call_back(record, callbacks) for record in submitted]
    records, wait_s = waited(own.watcher, submitted)
    body = Jobs(
        jobs=[job_answer(record) for record in records],
        next=_continued(cursor) if cursor else None,
    )
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = 200 if all(record.is_finished for record in records) else 202
    response.headers["Location"] = _where(container, records)
    return applied(response, wait_s)


def _sequence(own: Services, container: str, prefix: str, media_type: MediaType, options: JobOptions) -> AnalysisJob:
    """Make the job of the pictures below a prefix, those that this request may see."""
    results = own.settings.results_container
    if sees_own_only():
        return frozen_job(own.blobs, results, container, prefix, media_type, options, is_visible)
    return frozen_job(own.blobs, results, container, prefix, media_type, options)


def _chosen(own: Services, container: str, media: Media, query: AnalyseQuery) -> tuple[list[BlobInfo], str]:
    """Return the blob that is named, or a page of the container's."""
    if query.blob is None:
        return _uploads(own, container, media, query.cursor or "")
    return [_upload(own, container, check_blob(query.blob), media)], ""


def _prefix(blob: str | None) -> str:
    """Return the prefix of a sequence without its last slash. Raises BadRequest."""
    if not blob:
        raise BadRequest("a sequence is named by `blob`, the prefix of its pictures", "bad_blob")
    return check_blob(blob.removesuffix("/"))


def _kind(media: str, media_type: str) -> tuple[JobMedia, MediaType]:
    media, media_type = media.lower(), media_type.lower()
    for plain in ("posed", "wild"):
        if (media, media_type) == ("sequence", plain):
            return "sequence", plain
    for known in SHORT_FORMS.values():
        if (media, media_type) == known:
            return known
    if media not in get_args(JobMedia):
        raise BadRequest(f"unknown media {media[:40]!r}; known: {', '.join(get_args(JobMedia))}", "unknown_media")
    if media_type not in SHORT_FORMS:
        known_types = ", ".join(["posed", "wild", *SHORT_FORMS])
        raise BadRequest(f"unknown media type {media_type[:40]!r}; known: {known_types}", "unknown_media_type")
    kind = SHORT_FORMS[media_type]
    if kind[0] != media:
        raise BadRequest(f"{media_type!r} is for {kind[0]}s, but the media is {media!r}", "unknown_media_type")
    return kind


def _options_given() -> dict[str, str]:
    """Return the query's options; `resolve` refuses unknown ones. Raises BadRequest where one is repeated."""
    own = {"blob", "cursor", "study", "callback"}
    for name, values in request.args.lists():
        if len(values) > 1 and name != "callback":
            raise BadRequest(f"{name[:40]!r} is given {len(values)} times; give it once", "bad_option")
    known = {name: value for name, value in request.args.items() if name in OPTION_NAMES or name not in own}
    return {name[:80]: value for name, value in known.items()}


def _upload(own: Services, container: str, name: str, media: Media) -> BlobInfo:
    """Return one blob's facts. Raises UnsupportedMedia where it is not of this media, and MediaTooLarge."""
    blob = visible_upload(container, name)
    if kind_of(blob.name, blob.content_type) != media:
        raise UnsupportedMedia(
            f"blob {name!r} (content type {blob.content_type or 'unknown'}) is not known as {media}; "
            "give it the usual file extension"
        )
    limit, setting = own.settings.largest_mb(media)
    if blob.size > limit * 1024 * 1024:
        raise MediaTooLarge(f"blob {name!r} has {blob.size:,} bytes; the limit is {limit:,} MiB ({setting})")
    return blob


def _uploads(own: Services, container: str, media: Media, cursor: str) -> tuple[list[BlobInfo], str]:
    """Return a page of the blobs of this media; pages without any are skipped. Raises NotFound where there are none."""
    others: list[str] = []
    is_continued = bool(cursor)
    while True:
        page = own.blobs.page(container, cursor, with_metadata=True)
        uploads = [blob for blob in page.blobs if is_upload(container, blob.name, own.settings.results_container)]
        uploads = [blob for blob in uploads if is_visible(blob)]
        found = [blob for blob in uploads if kind_of(blob.name, blob.content_type) == media]
        if found or not page.cursor:
            break
        others += [blob.name for blob in uploads[:EXAMPLES]]
        cursor = page.cursor
    if not found and not is_continued:
        raise NotFound(_nothing(container, media, [*others, *(blob.name for blob in uploads)]), "no_media")
    return found, page.cursor


def _nothing(container: str, media: Media, names: list[str]) -> str:
    key = current_key()
    if not names:
        return f"container {container!r} holds no uploads"
    if key and not key.may("read"):
        return f"container {container!r} holds no {media}"
    examples = ", ".join(repr(name[:80]) for name in names[:EXAMPLES])
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return f"container {container!r} holds no {media}; it holds {examples}{more}"


def _submit(own: Services, jobs: list[AnalysisJob], key_names: list[str], studies: list[str]) -> list[JobRecord]:
    traceparent = continued_trace(request.headers.get("traceparent"))
    return own.submitter.submit_several(jobs, traceparent, key_names, studies)


def _where(container: str, records: list[JobRecord]) -> str:
    if len(records) == 1:
        return link("one", records[0].job.job_id)
    return with_query(url_for("jobs.newest"), container=container)


def _continued(cursor: str) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*kept, ('cursor', cursor)])}"
