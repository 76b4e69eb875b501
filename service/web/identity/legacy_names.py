"""`/train` and `/recognize`: the older API by user names, with the key in the body."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import Literal

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from service.errors import AnalysisError, Busy
from service.identity.embedder import FoundFace, NoFace, SeveralFaces
from service.identity.galleries import NewFace
from service.identity.rights import audit
from service.identity.vectors import confidence
from service.logs import log
from service.web.access.keys import Key
from service.web.access.ownership import ANONYMOUS
from service.web.access.session import current_key
from service.web.identity.own_gallery import identity, key_in_body, keys, legacy_consent
from service.web.protocol.bodies import takes_body
from service.web.protocol.openapi import KEY_HEADER, NO_KEY, Answers, operation_name
from service.web.protocol.pictures import (
    MOST_PICTURES,
    PictureBody,
    body_limit,
    body_limit_of_many,
    body_limit_of_two,
    describe_body,
    form_content,
    read_pictures,
    request_body,
)
from service.web.services import services

RECOGNIZED = "Face recognized successfully."
NOT_RECOGNIZED = "Face not recognized."
NOT_DETECTED = "Face not detected."
TRAINED = "Model trained successfully."
LONGEST_NAME = 200
KEYLESS_BODIES = 2
"""Number of bodies read at once whose key is not known yet."""

_keyless_slots = threading.BoundedSemaphore(KEYLESS_BODIES)

names = APIBlueprint(
    "identity_names", __name__, abp_tags=[Tag(name="Who is it, by names")], operation_id_callback=operation_name
)


class LegacyAnswer(BaseModel):
    """The response of the older API, errors included."""

    responseType: Literal["SUCCESS", "FAILURE"]  # noqa: N815
    successDescription: str = Field(description="A fixed sentence that callers compare with.")  # noqa: N815
    detectionTime: float = Field(description="Duration in seconds.")  # noqa: N815
    confidencePercentage: float | None = Field(  # noqa: N815
        description="0 to 1: 1 / (1 + exp(12 (distance - IDENTITY_THRESHOLD))), 0.5 at the threshold; "
        "null where nothing was compared."
    )


class Refusal(BaseModel):
    """A picture that was refused."""

    image: int = Field(description="Its number, from 1.")
    reason: str


class Trained(LegacyAnswer):
    """The response of `/train`, with the refused pictures."""

    rejected: list[Refusal]


class LegacyRequest(BaseModel):
    """The fields of the older API: key and user name."""

    API_KEY: str | None = Field(None, description="Needed where the header `X-API-Key` is not sent.")
    username: str


class _Refused(Exception):
    def __init__(self, sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


def _errors(model: type[BaseModel]) -> Answers:
    statuses = (400, 401, 403, 408, 413, 415, 500, 503)
    own: Answers = dict.fromkeys(statuses, model)
    return own | {429: {"description": HTTPStatus.TOO_MANY_REQUESTS.phrase}}


@names.post("/train", endpoint="train", responses={200: Trained, **_errors(LegacyAnswer)}, security=NO_KEY)
@takes_body(body_limit_of_many)
def train() -> Response:
    """Enrol 1 to 100 pictures of one user; recognition goes on meanwhile.

    Pictures without exactly one face are listed under `rejected`; the rest is enrolled.
    """
    began = time.monotonic()
    body = _body()
    gallery, username = _gallery_and_user(body)
    pictures = body.between(1, MOST_PICTURES)
    found = identity().embedder.one_face_each(pictures)
    faces = [NewFace(face.embedding) for face in found if isinstance(face, FoundFace)]
    rejected = [
        Refusal(image=number, reason=error.message)
        for number, error in enumerate(found, 1)
        if isinstance(error, AnalysisError)
    ]
    if faces:
        person = identity().galleries.enrol_by_name(gallery, username, legacy_consent(gallery), faces)
        audit("enrol", gallery, person_id=person.id, faces=len(faces), consent=person.consent)
    answer = _body_of("SUCCESS" if faces else "FAILURE", TRAINED if faces else NOT_DETECTED, began)
    status = HTTPStatus.OK if faces else HTTPStatus.BAD_REQUEST
    return _answer(Trained(**answer.model_dump(), rejected=rejected), status)


@names.post(
    "/recognize", endpoint="recognize_plain", responses={200: LegacyAnswer, **_errors(LegacyAnswer)}, security=NO_KEY
)
@takes_body(body_limit_of_two)
def recognize_plain() -> Response:
    """Compare the picture's only face with this user's, for callers that leave out the slash."""
    return _recognized()


@names.post(
    "/recognize/", endpoint="recognize", responses={200: LegacyAnswer, **_errors(LegacyAnswer)}, security=NO_KEY
)
@takes_body(body_limit_of_two)
def recognize() -> Response:
    """Compare the picture's only face with this user's, as enrolled under this key."""
    return _recognized()


def _recognized() -> Response:
    began = time.monotonic()
    body = _body()
    gallery, username = _gallery_and_user(body)
    try:
        face = identity().embedder.one_face(body.one())
    except NoFace:
        return _answer(_body_of("FAILURE", NOT_DETECTED, began))
    distance = identity().galleries.distance_to(gallery, username, face.embedding)
    threshold = identity().threshold
    audit("recognize", gallery)
    if distance is None:
        return _answer(_body_of("FAILURE", NOT_RECOGNIZED, began))
    sure = round(confidence(distance, threshold), 4)
    if distance >= threshold:
        return _answer(_body_of("FAILURE", NOT_RECOGNIZED, began, sure))
    return _answer(_body_of("SUCCESS", RECOGNIZED, began, sure))


def _body() -> PictureBody:
    """Read the body; without a key in the header only a short one, and few at once."""
    settings = services().settings
    most_bytes = settings.detect_max_mb * 1024 * 1024
    if key := current_key():
        _check_scope(key)
    if key or not keys().asks:
        return read_pictures(most_bytes)
    if request.headers.get(KEY_HEADER):
        raise _unknown_key()
    request.max_content_length = body_limit(settings)
    if (request.content_length or 0) > request.max_content_length:
        raise _Refused(
            f"The body is too long without the key in the header {KEY_HEADER}.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        )
    if not _keyless_slots.acquire(blocking=False):
        raise Busy
    try:
        return read_pictures(most_bytes)
    finally:
        _keyless_slots.release()


def _gallery_and_user(body: PictureBody) -> tuple[str, str]:
    """Return the gallery of the key in the body, and the user's name."""
    presented, username = body.fields.get("API_KEY"), body.fields.get("username")
    key = current_key()
    if not (presented or key) or not username:
        raise _Refused(f"{'username' if presented or key else 'API_KEY'} is missing.")
    if not isinstance(username, str) or len(username) > LONGEST_NAME or not username.isprintable():
        raise _Refused(f"username is not a text of at most {LONGEST_NAME} characters.")
    if not keys().asks:
        return ANONYMOUS, username
    key = key or key_in_body(presented)
    if key is None:
        raise _unknown_key()
    _check_scope(key)
    return key.name, username


def _check_scope(key: Key) -> None:
    if not key.may("identity"):
        log.warning("request.refused", reason="scope identity missing", path="identity_names")
        raise _Refused("API_KEY lacks the scope `identity`.", HTTPStatus.FORBIDDEN)


def _unknown_key() -> _Refused:
    log.warning("request.refused", reason="unknown key", path="identity_names")
    return _Refused("API_KEY is not known.", HTTPStatus.UNAUTHORIZED)


def _body_of(
    kind: Literal["SUCCESS", "FAILURE"], sentence: str, began: float, sure: float | None = None
) -> LegacyAnswer:
    return LegacyAnswer(
        responseType=kind,
        successDescription=sentence,
        detectionTime=round(time.monotonic() - began, 4),
        confidencePercentage=sure,
    )


def _answer(body: LegacyAnswer, status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _failure(sentence: str, status: HTTPStatus) -> Response:
    return _answer(_body_of("FAILURE", sentence, time.monotonic()), status)


@names.errorhandler(_Refused)
def _from_refused(error: _Refused) -> Response:
    return _failure(error.sentence, error.status)


@names.errorhandler(AnalysisError)
def _from_analysis_error(error: AnalysisError) -> Response:
    if isinstance(error, SeveralFaces):
        return _failure("Several faces detected.", HTTPStatus.BAD_REQUEST)
    if error.http_status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", error_code=error.code, error=error.message)
        return _failure("An unexpected error occurred.", HTTPStatus.INTERNAL_SERVER_ERROR)
    return _failure(error.message, error.http_status)


@names.errorhandler(HTTPException)
def _from_http(error: HTTPException) -> Response:
    """Answer a body that is too long, too slow or broken."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return _failure(error.description or status.phrase, status)


@names.errorhandler(Exception)
def _from_exception(_error: Exception) -> Response:
    log.exception("request.unexpected_error")
    return _failure("An unexpected error occurred.", HTTPStatus.INTERNAL_SERVER_ERROR)


describe_body(names, "/train", request_body("Key, user name and pictures.", form_content(LegacyRequest, several=True)))
for _path in ("/recognize", "/recognize/"):
    describe_body(names, _path, request_body("Key, user name and a picture.", form_content(LegacyRequest)))
