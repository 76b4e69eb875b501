"""`/detect`, `/search`, `/addface`, `/removeface`: the older API by face tokens.

Responses keep that API's fields: `success` and its historical spelling `sucess`, and error codes from 1001 to 1007 with
a status that fits.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from service.errors import (
    AnalysisError,
    Busy,
    EngineUnavailable,
    MediaTooLarge,
    NotFound,
    StorageUnavailable,
    UnreadableMedia,
    UnsupportedMedia,
)
from service.identity.embedder import FoundFace, NoFace, PictureRules
from service.identity.erasure import erase_face
from service.identity.galleries import UNKNOWN, Match
from service.identity.pending_faces import PendingFace
from service.identity.rights import audit
from service.identity.vectors import Embedding
from service.logs import log
from service.settings import Settings
from service.web.identity.own_gallery import identity, legacy_consent, own_gallery
from service.web.protocol.bodies import FORM_BYTES, read_form, takes_body
from service.web.protocol.openapi import Answers, Parameters, needs, operation_name, optional
from service.web.protocol.pictures import describe_body, form_content, request_body
from service.web.services import services

NEEDS = needs("identity")
PICTURE_BYTES = 2 << 20
RULES = PictureRules(formats=("jpeg", "png"), least_side=48, most_side=4096, least_face=30)
"""Formats and sizes of the older API, and its smallest face in pixels."""
MOST_RESULTS = 1000
LONGEST_NAME = 200
TOKEN_CHARACTERS = 24

CODES = {
    "BAD_ARGUMENTS": 1001,
    "MISSING_ARGUMENTS": 1002,
    "INTERNAL_ERROR": 1003,
    "FILE_ERROR": 1004,
    "UPLOAD_ERROR": 1005,
    "FACE_TOKEN_ERROR": 1006,
    "FACE_INFO_ERROR": 1007,
}


class TokenProblem(BaseModel):
    """An error of the older API."""

    error_code: int = Field(ge=1001, le=1007)
    error_message: str


def _errors(*statuses: int) -> Answers:
    """Describe the older API's errors; those of authentication are problem+json as everywhere."""
    # 1003 covers unexpected errors, and a body may be too long anywhere.
    own: Answers = dict.fromkeys({*statuses, 413, 500, 503}, TokenProblem)
    return own | {status: {"description": HTTPStatus(status).phrase} for status in (401, 403, 429)}


class _Refused(Exception):
    """An error of the older API."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


tokens = APIBlueprint(
    "identity_tokens", __name__, abp_tags=[Tag(name="Who is it, by tokens")], operation_id_callback=operation_name
)

Corner = Annotated[list[float], Field(min_length=2, max_length=2, description="x, y in pixels.")]
Token = Annotated[str | None, Field(None, json_schema_extra=optional)]


class DetectedFace(BaseModel):
    """A detected face, kept under its token until it is enrolled or expires."""

    face_token: str = Field(description="24 characters.")
    face_name: str = Field(description="The token as a file name; no picture is kept under it.")
    top_left: Corner
    bottom_right: Corner


class Detected(BaseModel):
    """The faces of a picture, largest first; none where there is no face."""

    success: bool
    sucess: bool = Field(description="Historical spelling.")
    face_num: int
    faces: list[DetectedFace]


class Compared(BaseModel):
    """An enrolled face."""

    face_token: str
    distant: float = Field(description="Euclidean distance of the embeddings.")
    face_name: str


class Searched(BaseModel):
    """Enrolled faces below the threshold, the nearest first."""

    success: bool
    sucess: bool
    face_token: str = Field(description="Token of the query face.")
    threshold: str = Field(description="As it was sent.")
    cmp_result: list[Compared]


class Added(BaseModel):
    """A newly enrolled face."""

    success: bool
    sucess: bool
    face_token: str
    face_name: str
    face_neme: str = Field(description="Historical spelling.")


class Removed(BaseModel):
    """A deleted face."""

    success: bool
    sucess: bool
    face_token: str


class SearchQuery(Parameters):
    """Query of a search; checked in the view, so that errors are the older API's."""

    face_token: str | None = Field(None, json_schema_extra=optional)
    threshold: str | None = Field(None, description="A number of 0 or more; 0.65 is usual.", json_schema_extra=optional)


class AddQuery(Parameters):
    """Token and name of the face to enrol."""

    face_token: str | None = Field(None, json_schema_extra=optional)
    face_name: str | None = Field(None, description="Default: `unknown`.", json_schema_extra=optional)


class RemoveQuery(Parameters):
    """Token of the face to delete."""

    face_token: str | None = Field(None, json_schema_extra=optional)


class SearchForm(Parameters):
    """Fields beside the picture."""

    threshold: str


def _longest(_settings: Settings) -> int:
    # More than a picture may have, so that a picture that is too large gets the older API's error.
    return 2 * PICTURE_BYTES + FORM_BYTES


@tokens.post("/detect", endpoint="detect", responses={200: Detected, **_errors(400, 408, 413, 415)}, security=NEEDS)
@takes_body(_longest)
def detect_faces() -> Response:
    """Find the faces of a picture: JPG or PNG, 48 to 4096 pixels each way, 2 MB. Each gets a token."""
    gallery = own_gallery()
    found = identity().embedder.faces(_picture(read_form()[1]), rules=RULES)
    names = _kept(gallery, found)
    audit("detect", gallery, faces=len(found))
    faces = [_detected(name, face) for name, face in zip(names, found, strict=True)]
    return _answer({"face_num": len(faces), "faces": faces})


@tokens.get("/search", endpoint="search", responses={200: Searched, **_errors(400, 404)}, security=NEEDS)
def search_by_token(query: SearchQuery) -> Response:
    """Find enrolled faces near the face of a token."""
    gallery = own_gallery()
    threshold = _threshold(query.threshold)
    face_token = _token(query.face_token)
    return _searched(gallery, face_token, identity().pending.embedding(gallery, face_token), *threshold)


@tokens.post(
    "/search", endpoint="search_picture", responses={200: Searched, **_errors(400, 408, 413, 415)}, security=NEEDS
)
@takes_body(_longest)
def search_by_picture() -> Response:
    """Find enrolled faces near the largest face of a picture, which gets a token."""
    gallery = own_gallery()
    fields, files = read_form()
    threshold = _threshold(fields.get("threshold", [request.args.get("threshold", "")])[0])
    found = identity().embedder.faces(_picture(files), rules=RULES)
    if not found:
        raise _Refused("FACE_INFO_ERROR")
    [face_token] = _kept(gallery, found[:1])
    return _searched(gallery, face_token, found[0].embedding, *threshold)


@tokens.post("/addface", endpoint="add", responses={200: Added, **_errors(400, 404)}, security=NEEDS)
def add_face(query: AddQuery) -> Response:
    """Enrol the face of a token under a name."""
    return _added(query)


@tokens.get("/addface", endpoint="add_by_get", responses={200: Added, **_errors(400, 404)}, security=NEEDS)
def add_face_by_get(query: AddQuery) -> Response:
    """Enrol the face of a token under a name, for callers that use GET."""
    return _added(query)


@tokens.post("/removeface", endpoint="remove", responses={200: Removed, **_errors(400, 404)}, security=NEEDS)
def remove_face(query: RemoveQuery) -> Response:
    """Delete an enrolled face, or one that has only a token."""
    return _removed(query)


@tokens.get("/removeface", endpoint="remove_by_get", responses={200: Removed, **_errors(400, 404)}, security=NEEDS)
def remove_face_by_get(query: RemoveQuery) -> Response:
    """Delete an enrolled face, or one that has only a token, for callers that use GET."""
    return _removed(query)


def _added(query: AddQuery) -> Response:
    gallery, face_token = own_gallery(), _token(query.face_token)
    name = query.face_name or UNKNOWN
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise _Refused("BAD_ARGUMENTS")
    person = identity().galleries.enrol_pending(gallery, face_token, name, legacy_consent(gallery))
    audit("enrol", gallery, person_id=person.id, faces=1, consent=person.consent)
    return _answer({"face_token": face_token, "face_name": name, "face_neme": name})


def _removed(query: RemoveQuery) -> Response:
    gallery, face_token = own_gallery(), _token(query.face_token)
    if not identity().pending.forget(gallery, face_token):
        erase_face(identity().galleries, services().blobs, gallery, face_token)
    audit("delete_face", gallery)
    return _answer({"face_token": face_token})


def _searched(gallery: str, face_token: str, embedding: Embedding, threshold: float, as_sent: str) -> Response:
    matches = identity().galleries.nearest(gallery, embedding, threshold, MOST_RESULTS)
    audit("identify", gallery, faces=1, people=sorted({match.person_id for match in matches}))
    found = [_compared(match) for match in matches]
    return _answer({"face_token": face_token, "threshold": as_sent, "cmp_result": found})


def _kept(gallery: str, found: list[FoundFace]) -> list[str]:
    return identity().pending.keep(gallery, [PendingFace(face.embedding) for face in found])


def _detected(face_token: str, face: FoundFace) -> dict[str, Any]:
    left, top, right, bottom = face.box
    corners = {"top_left": [left, top], "bottom_right": [right, bottom]}
    return {"face_token": face_token, "face_name": f"{face_token}.jpg", **corners}


def _compared(match: Match) -> dict[str, Any]:
    return {"face_token": match.token, "distant": match.distance, "face_name": match.name}


def _picture(files: list[bytes]) -> bytes:
    if "image_file" not in request.files or len(files) != 1:
        raise _Refused("UPLOAD_ERROR" if files else "MISSING_ARGUMENTS")
    if not files[0]:
        raise _Refused("UPLOAD_ERROR")
    if len(files[0]) > PICTURE_BYTES:
        raise _Refused("FILE_ERROR", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return files[0]


def _threshold(text: str | None) -> tuple[float, str]:
    """Parse the threshold; returns the number and the text as sent."""
    if not text:
        raise _Refused("MISSING_ARGUMENTS")
    try:
        threshold = float(text)
    except ValueError:
        raise _Refused("BAD_ARGUMENTS") from None
    if not math.isfinite(threshold) or threshold < 0:
        raise _Refused("BAD_ARGUMENTS")
    return threshold, text


def _token(text: str | None) -> str:
    if not text:
        raise _Refused("MISSING_ARGUMENTS")
    if len(text) != TOKEN_CHARACTERS or not text.isalnum():
        raise _Refused("FACE_TOKEN_ERROR", HTTPStatus.NOT_FOUND)
    return text


def _answer(fields: dict[str, Any]) -> Response:
    response = jsonify({"success": True, "sucess": True} | fields)
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(message: str, status: HTTPStatus) -> Response:
    response = jsonify({"error_code": CODES[message], "error_message": message})
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


_ERRORS: tuple[tuple[type[AnalysisError], str, HTTPStatus], ...] = (
    (NoFace, "FACE_INFO_ERROR", HTTPStatus.BAD_REQUEST),
    (NotFound, "FACE_TOKEN_ERROR", HTTPStatus.NOT_FOUND),
    (MediaTooLarge, "FILE_ERROR", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedMedia, "FILE_ERROR", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (UnreadableMedia, "FILE_ERROR", HTTPStatus.BAD_REQUEST),
    (Busy, "INTERNAL_ERROR", HTTPStatus.SERVICE_UNAVAILABLE),
    (EngineUnavailable, "INTERNAL_ERROR", HTTPStatus.SERVICE_UNAVAILABLE),
    (StorageUnavailable, "INTERNAL_ERROR", HTTPStatus.SERVICE_UNAVAILABLE),
)


@tokens.errorhandler(_Refused)
def _from_refused(error: _Refused) -> Response:
    return _problem(error.message, error.status)


@tokens.errorhandler(AnalysisError)
def _from_analysis_error(error: AnalysisError) -> Response:
    for kind, message, status in _ERRORS:
        if isinstance(error, kind):
            return _problem(message, status)
    log.error("request.failed", error_code=error.code, error=error.message)
    return _problem("INTERNAL_ERROR", HTTPStatus.INTERNAL_SERVER_ERROR)


@tokens.errorhandler(HTTPException)
def _from_http(error: HTTPException) -> Response:
    """Answer a body that is too long, too slow or broken."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem("UPLOAD_ERROR" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "INTERNAL_ERROR", status)


@tokens.errorhandler(Exception)
def _from_exception(_error: Exception) -> Response:
    log.exception("request.unexpected_error")
    return _problem("INTERNAL_ERROR", HTTPStatus.INTERNAL_SERVER_ERROR)


for _path, _model in {"/detect": None, "/search": SearchForm}.items():
    _content = form_content(_model, file_field="image_file")
    describe_body(tokens, _path, request_body("`image_file`: JPG or PNG, at most 2 MB.", _content))
