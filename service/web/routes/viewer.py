"""Routes of the viewer: a video's measurements for drawing, and the media itself, by ranges."""

from __future__ import annotations

import mimetypes
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.errors import BadRequest, Conflict, MediaChanged, NotFound
from service.jobs.options import optional
from service.results.proxy.store import CONTENT_TYPE as PROXY_TYPE
from service.results.series.layout import FaceRows
from service.results.series.store import Series
from service.results.series.window import columns, pixels, stretch
from service.storage.blob_store import BlobInfo
from service.web.access.ownership import visible_record
from service.web.protocol.openapi import Parameters, needs, operation_name, problems
from service.web.routes.jobs import JobPath, published
from service.web.services import services

MOST_POINTS = 4000
MOST_GEOMETRY = 1200
"""Rows of one answer with geometry."""
LONGEST_RANGE = 4 << 20
"""Bytes of one answer to a range request. A player reads as it plays: a longer answer would hold a thread meanwhile."""

MEDIA_CONTENT: dict[str, Any] = {"video/*": {}, "image/*": {}, "application/octet-stream": {}}

TO_READ = needs("read", own=True)
ERRORS = problems(400, 404, 409, 503)

viewer = APIBlueprint("viewer", __name__, abp_tags=[Tag(name="Viewer")], operation_id_callback=operation_name)


class SeriesQuery(Parameters):
    """Face, stretch of time and resolution of a series."""

    face: int | None = Field(
        None, description="`face_id`; default: the one with the most rows.", json_schema_extra=optional
    )
    from_s: float | None = Field(None, alias="from", ge=0, description="In seconds.", json_schema_extra=optional)
    to_s: float | None = Field(None, alias="to", ge=0, description="In seconds.", json_schema_extra=optional)
    points: int = Field(1000, ge=1, le=MOST_POINTS, description="Most points; more rows become minimum and maximum.")
    geometry: int = Field(
        0,
        ge=0,
        le=1,
        description=f"`1`: also landmarks, head axes and lines of sight, of at most {MOST_GEOMETRY} rows.",
    )


class SeriesFace(BaseModel):
    """A face of the video."""

    face_id: int
    rows: int


Span = Annotated[list[float], Field(min_length=2, max_length=2, description="Begin and end, in seconds.")]


class MarkCounts(BaseModel):
    """Numbers of marks of the whole face."""

    blinks: int
    closures: int
    gaps: int
    rows_below_gate: int


class SeriesMarks(BaseModel):
    """Marks of a stretch, by the rules of the summary; those nearer to one another than a point are one span."""

    blinks: list[Span]
    closures: list[Span] = Field(description="Of the eyes, longer than a blink.")
    gaps: list[Span] = Field(description="In which the face has no rows.")
    below_gate: list[Span] = Field(description="Rows that statistics do not use.")
    events: dict[str, list[Span]] = Field(description="By column of an action unit.")
    counts: MarkCounts


class SeriesAnswer(BaseModel):
    """Measurements of one face, by time."""

    width: int = Field(description="Of the upright video, in pixels, as height.")
    height: int
    faces: list[SeriesFace] = Field(description="With the most rows first.")
    face: int | None = Field(description="Whose measurements these are; null where the table has no rows.")
    begins_s: float | None = Field(description="Time of the face's first row.")
    ends_s: float | None
    exact: bool = Field(description="Each point is a row; else `low` and `high` are those of several.")
    time: list[float | None]
    frame: list[float | None]
    low: dict[str, list[float | None]] = Field(
        description="By column, as the table spells it; unmeasured ones left out."
    )
    high: dict[str, list[float | None]]
    marks: SeriesMarks | None = Field(description="Null with `geometry`, and where the table has no rows.")
    geometry: list[list[float | None]] | None = Field(
        description="By row, x and y in pixels: 68 landmarks; origin, x, y, z of the head; begin and end of each gaze."
    )


@viewer.get("/jobs/<job_id>/series", endpoint="series", responses={200: SeriesAnswer, **ERRORS}, security=TO_READ)
def series(path: JobPath, query: SeriesQuery) -> Response:
    """Show a video's measurements by time, as many points as a drawing needs; peaks stay."""
    own = services()
    record = visible_record(path.job_id)
    if record.job.media != "video":
        raise NotFound("only videos have a series", "no_series")
    place, csv = published(own, record)
    found = own.series.find(record.job, place, csv)
    face = _face(found, query.face)
    return jsonify(_answer(found, face, query) if face else _empty(found))


RANGES: dict[Any, Any] = {
    200: {"description": "OK", "content": MEDIA_CONTENT},
    206: {"description": "Partial Content", "content": MEDIA_CONTENT},
    416: {"description": "Range Not Satisfiable"},
}


@viewer.get("/jobs/<job_id>/media", endpoint="media", responses={**RANGES, **ERRORS}, security=TO_READ)
def media(path: JobPath) -> Response:
    """Download the analysed media, whole or one range; a long range is answered by its first part."""
    job = visible_record(path.job_id).job
    if job.media == "sequence":
        raise NotFound("a sequence of pictures is no single file", "no_single_file")
    blob = services().blobs.info(job.container, job.blob)
    if blob.etag != job.etag:
        raise Conflict("the upload was overwritten after this analysis", "media_changed")
    kind = mimetypes.guess_type(f"x.{job.blob.rpartition('.')[2]}")[0] or ""
    is_shown = kind.startswith(("image/", "video/"))
    return _ranged(job.container, blob, kind if is_shown else "application/octet-stream")


@viewer.get("/jobs/<job_id>/proxy", endpoint="proxy", responses={**RANGES, **ERRORS}, security=TO_READ)
def proxy(path: JobPath) -> Response:
    """Download a small copy of the video that browsers play, by ranges; the first request makes it.

    A longer video takes minutes: until the copy is there the answer is 503 with the code `being_made`.
    """
    own = services()
    record = visible_record(path.job_id)
    if record.job.media != "video":
        raise NotFound("only videos have a copy for browsers", "no_proxy")
    place, csv = published(own, record)
    try:
        blob = own.proxies.find(record.job, place, csv.metadata.get("attempt", ""))
    except MediaChanged as error:
        raise Conflict("the upload was overwritten after this analysis", "media_changed") from error
    return _ranged(place.container, blob, PROXY_TYPE)


def _ranged(container: str, blob: BlobInfo, content_type: str) -> Response:
    """Answer with a blob, whole or the part that is asked for."""
    whole = request.range is None or request.range.units != "bytes" or len(request.range.ranges) != 1
    begin, end = (0, blob.size) if whole else _wanted(blob.size)
    if begin >= end > 0 or (begin >= end and not whole):
        return Response(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{blob.size}"}
        )
    try:
        body = services().blobs.stream_range(container, blob.name, blob.etag, begin, end - begin)
    except MediaChanged as error:
        raise Conflict("the upload was overwritten after this analysis", "media_changed") from error
    response = Response(body, status=HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT, content_type=content_type)
    response.content_length = end - begin
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{blob.etag}"'
    if not whole:
        response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{blob.size}"
    return response


def _wanted(size: int) -> tuple[int, int]:
    """Return begin and end of the range that is answered; an empty one where it lies outside."""
    found = request.range.range_for_length(size) if request.range else None
    if found is None:
        return size, size
    begin, end = found
    return begin, min(end, begin + LONGEST_RANGE)


def _face(found: Series, face_id: int | None) -> FaceRows | None:
    faces = found.header.faces
    if face_id is None:
        return faces[0] if faces else None
    for face in faces:
        if face.face_id == face_id:
            return face
    raise NotFound(f"the video has no face {face_id}", "face_not_found")


def _answer(found: Series, face: FaceRows, query: SeriesQuery) -> dict[str, Any]:
    values = found.values_of(face)
    begins, ends = float(values[0, 1]), float(values[-1, 1])
    from_s, to_s = begins if query.from_s is None else query.from_s, ends if query.to_s is None else query.to_s
    wanted = stretch(values, from_s, to_s)
    if query.geometry and len(wanted.values) > min(MOST_GEOMETRY, query.points):
        raise BadRequest(
            f"{len(wanted.values)} rows are too many with geometry; ask for fewer seconds", "too_many_rows"
        )
    return {
        **_head(found),
        "face": face.face_id,
        "begins_s": round(begins, 4),
        "ends_s": round(ends, 4),
        **columns(wanted.values, query.points),
        "marks": None if query.geometry else found.marks_of(face).drawn(from_s, to_s, query.points),
        "geometry": pixels(found.geometry_of(face, wanted.first, wanted.end)) if query.geometry else None,
    }


def _head(found: Series) -> dict[str, Any]:
    faces = [{"face_id": face.face_id, "rows": face.rows} for face in found.header.faces]
    return {"width": found.header.width, "height": found.header.height, "faces": faces}


def _empty(found: Series) -> dict[str, Any]:
    nothing: dict[str, Any] = {"face": None, "begins_s": None, "ends_s": None, "marks": None, "geometry": None}
    return {**_head(found), **nothing, "exact": True, "time": [], "frame": [], "low": {}, "high": {}}
