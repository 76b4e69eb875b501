"""Read pictures and fields from request bodies: one picture, JSON with base64, or a form; the only reader of either."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from flask import json, request
from flask_openapi3 import APIBlueprint
from flask_openapi3.models import MediaType, RequestBody, Schema
from flask_openapi3.models.data_type import DataType
from pydantic import BaseModel, ValidationError

from service.errors import BadRequest, MediaTooLarge, UnsupportedMedia
from service.jobs.media_kind import AT_ONCE
from service.settings import Settings
from service.web.protocol.bodies import FORM_BYTES, read_body, read_form

FORM = "application/x-www-form-urlencoded"
IMAGE_FIELDS = ("image", "images")
MOST_PICTURES = 100
LONGEST_BODY = 64 << 20
"""Limit of the pictures of one body together, in bytes."""

PICTURE_TYPES = (*(each.content_types[0] for each in AT_ONCE), "application/octet-stream")
"""Content types of a body that is one picture, as the API's description lists them; any `image/…` is read."""

Model = TypeVar("Model", bound=BaseModel)

_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class PictureBody:
    """The fields and pictures of a request body."""

    fields: dict[str, Any]
    pictures: list[bytes]

    def one(self) -> bytes:
        """Return the only picture. Raises BadRequest where there is none, or more."""
        return self.between(1, 1)[0]

    def between(self, least: int, most: int) -> list[bytes]:
        """Return the pictures if their number is within the limits. Raises BadRequest."""
        if not least <= len(self.pictures) <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            code = "bad_request" if self.pictures else "no_picture"
            raise BadRequest(f"the request holds {len(self.pictures)} pictures; {expected} expected", code)
        return self.pictures

    def as_model(self, model: type[Model]) -> Model:
        """Validate the fields. Raises BadRequest."""
        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors()]
            raise BadRequest("; ".join(faults)) from None


def body_limit(settings: Settings, pictures: int = 1) -> int:
    """Return the longest body of so few pictures that each may be base64 in lines of 76 characters, in bytes."""
    encoded = settings.detect_max_mb * 1024 * 1024 * 4 // 3
    return pictures * encoded * 78 // 76 + FORM_BYTES


def body_limit_of_two(settings: Settings) -> int:
    """Return the longest body of two pictures, in bytes."""
    return body_limit(settings, 2)


def body_limit_of_many(_settings: Settings) -> int:
    """Return the longest body of up to `MOST_PICTURES` pictures, in bytes."""
    return LONGEST_BODY


def read_pictures(max_bytes: int) -> PictureBody:
    """Read the body: JSON, a form with files or base64 fields, or one picture as it is.

    Args:
        max_bytes: of each picture.

    Raises:
        BadRequest: the body cannot be read.
        UnsupportedMedia: its content type is another.
        MediaTooLarge: a picture has more bytes.
    """
    kind = request.mimetype
    if kind == "application/json":
        body = _from_json(read_body())
    elif kind in {"multipart/form-data", FORM}:
        body = _from_form(kind)
    elif not kind or kind.startswith("image/") or kind == "application/octet-stream":
        body = PictureBody({}, [data] if (data := read_body()) else [])
    else:
        raise UnsupportedMedia(
            f"a body of {kind[:80]!r} is not taken; send the picture itself (image/…), a multipart form with a file, "
            'or JSON {"image": "<base64>"}'
        )
    if any(len(picture) > max_bytes for picture in body.pictures):
        raise MediaTooLarge(f"a picture has more than {max_bytes:,} bytes")
    return body


def decode_base64(text: str, *, from_form: bool = False) -> bytes:
    """Decode base64 as clients really send it.

    Takes data URLs with `data:` in any case, wrapped lines, missing padding and the URL-safe alphabet.

    Args:
        from_form: blanks stand for the plus signs that URL-encoded forms turn into them.

    Raises:
        BadRequest: it is not base64.
    """
    if text[:5].lower() == "data:":
        text = unquote(text.partition(",")[2])
    if from_form:
        text = text.replace(" ", "+")
    plain = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("a picture is not base64") from error


def request_body(description: str, content: dict[str, MediaType]) -> RequestBody:
    """Describe a request body for the OpenAPI document."""
    return RequestBody(description=description, content=content, required=True)


def one_picture_content() -> dict[str, MediaType]:
    """Describe a body of one picture: itself, as the only file of a form, or as base64 in JSON."""
    binary = Schema(type=DataType.STRING, format="binary")
    encoded = Schema(type=DataType.STRING, format="byte", description="Base64, or a data URL.")
    content = {kind: MediaType(schema=binary) for kind in PICTURE_TYPES}
    content["multipart/form-data"] = MediaType(schema=_object({"image": binary}))
    content["application/json"] = MediaType(schema=_object({"image": encoded}))
    return content


def form_content(model: type[BaseModel] | None, *, several: bool = False, file_field: str = "") -> dict[str, MediaType]:
    """Describe a body of fields and pictures: a form, or JSON with base64.

    Args:
        model: of the fields beside the pictures.
        several: pictures, as `images`; else one, as `image`.
        file_field: name of the form's file, where only forms are taken.
    """

    def schema(kind: Schema) -> Schema:
        many = Schema(type=DataType.ARRAY, items=kind, minItems=1, maxItems=MOST_PICTURES)
        return _object({"images": many} if several else {file_field or "image": kind}, model)

    content = {"multipart/form-data": MediaType(schema=schema(Schema(type=DataType.STRING, format="binary")))}
    if not file_field:
        content["application/json"] = MediaType(schema=schema(Schema(type=DataType.STRING, format="byte")))
    return content


def describe_body(blueprint: APIBlueprint, path: str, body: RequestBody) -> None:
    """Add a body's description to the document of a POST route."""
    operation = blueprint.paths[path].post
    assert operation
    operation.requestBody = body


def _object(pictures: dict[str, Schema], model: type[BaseModel] | None = None) -> Schema:
    fields = model.model_json_schema() if model else {}
    return Schema(
        type=DataType.OBJECT,
        properties=fields.get("properties", {}) | pictures,
        required=[*fields.get("required", []), *pictures],
    )


def _from_json(body: bytes) -> PictureBody:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest('the body is not JSON of the form {"image": "<base64>"}') from error
    if not isinstance(fields, dict):
        raise BadRequest('the body is not JSON of the form {"image": "<base64>"}')
    texts: list[Any] = []
    for name in IMAGE_FIELDS:
        value = fields.pop(name, [])
        texts += value if isinstance(value, list) else [value]
    return PictureBody(fields, _decoded(texts))


def _from_form(kind: str) -> PictureBody:
    fields, files = read_form()
    texts = [text for name in (*IMAGE_FIELDS, "images[]") for text in fields.pop(name, [])]
    pictures = [*(file for file in files if file), *_decoded(texts, from_form=kind == FORM)]
    return PictureBody({name: values[0] for name, values in fields.items()}, pictures)


def _decoded(texts: list[Any], *, from_form: bool = False) -> list[bytes]:
    if len(texts) > MOST_PICTURES:
        raise BadRequest(f"the request holds {len(texts)} pictures; at most {MOST_PICTURES} are taken")
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("a picture is not base64 text")
    return [picture for text in texts if (picture := decode_base64(text, from_form=from_form))]
