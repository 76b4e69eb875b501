"""What callers of identity send: fields and pictures, as JSON with base64 or as a form."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import json, request
from flask_openapi3 import APIBlueprint
from flask_openapi3.models import MediaType, RequestBody, Schema
from flask_openapi3.models.data_type import DataType
from pydantic import BaseModel, ValidationError

from service.errors import BadRequest, MediaTooLarge, UnsupportedMedia
from service.settings import Settings
from service.web.protocol.bodies import FORM_BYTES, read_body, read_form

IMAGE_FIELDS = ("image", "images")
MOST_PICTURES = 100
LONGEST_BODY = 64 << 20
"""Of several pictures together."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Given:
    """A body, read."""

    fields: dict[str, Any]
    pictures: list[bytes]

    def one_picture(self) -> bytes:
        """Raises BadRequest where there is none, or more."""
        return self.so_many(1)[0]

    def so_many(self, least: int, most: int | None = None) -> list[bytes]:
        """The pictures, at least and at most so many. Raises BadRequest."""
        most = most or least
        if not least <= len(self.pictures) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            code = "no_picture" if not self.pictures else "bad_request"
            raise BadRequest(f"the request holds {len(self.pictures)} pictures; {wanted} expected", code)
        return self.pictures

    def as_model(self, model: type[Model]) -> Model:
        """The fields, checked. Raises BadRequest."""
        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors()]
            raise BadRequest("; ".join(faults)) from None


def longest(settings: Settings) -> int:
    """A body of one or two pictures; in base64 they are a third longer."""
    return 2 * settings.detect_max_mb * 1024 * 1024 * 4 // 3 + FORM_BYTES


def longest_of_many(_settings: Settings) -> int:
    """A body of many pictures."""
    return LONGEST_BODY


def read_given(most_bytes: int) -> Given:
    """The body: JSON, a form with files or base64 fields, or one picture as it is.

    Args:
        most_bytes: of each picture.

    Raises:
        BadRequest: it is none of these.
        UnsupportedMedia: of another content type.
        MediaTooLarge: a picture has more bytes.
    """
    kind = request.mimetype
    if kind == "application/json":
        given = _from_json(read_body())
    elif kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        given = _from_form()
    elif kind.startswith("image/") or kind == "application/octet-stream":
        given = Given({}, [body] if (body := read_body()) else [])
    else:
        raise UnsupportedMedia(f"a body of {kind[:80]!r} is not taken; send JSON, a form, or one picture")
    if any(len(picture) > most_bytes for picture in given.pictures):
        raise MediaTooLarge(f"a picture has more than {most_bytes:,} bytes")
    return given


def _from_json(body: bytes) -> Given:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    texts: list[Any] = []
    for name in IMAGE_FIELDS:
        value = fields.pop(name, [])
        texts += value if isinstance(value, list) else [value]
    return Given(fields, _decoded(texts))


def _from_form() -> Given:
    fields, files = read_form()
    texts = [text for name in (*IMAGE_FIELDS, "images[]") for text in fields.pop(name, [])]
    return Given({name: values[0] for name, values in fields.items()}, [*(f for f in files if f), *_decoded(texts)])


def _decoded(texts: list[Any]) -> list[bytes]:
    if len(texts) > MOST_PICTURES:
        raise BadRequest(f"the request holds {len(texts)} pictures; {MOST_PICTURES} are the most")
    pictures = []
    for text in texts:
        if not isinstance(text, str):
            raise BadRequest("a picture is not base64 text")
        try:
            # Browsers make data URLs; forms and mails break lines and turn plus signs into blanks.
            encoded = text.partition(",")[2] if text.startswith("data:") else text
            plain = encoded.replace("\r", "").replace("\n", "").replace(" ", "+")
            pictures.append(base64.b64decode(plain, validate=True))
        except (binascii.Error, ValueError) as error:
            raise BadRequest("a picture is not base64") from error
    return [picture for picture in pictures if picture]


def described(model: type[BaseModel] | None, words: str, *, several: bool = False, field: str = "") -> RequestBody:
    """How a route's body stands in the document.

    Args:
        model: of the fields beside the pictures.
        several: pictures, as `images`; else one, as `image`.
        field: name of a form's file, where forms alone are taken.
    """
    own = model.model_json_schema() if model else {}

    def schema(kind: Schema) -> Schema:
        many = Schema(type=DataType.ARRAY, items=kind, minItems=1, maxItems=MOST_PICTURES)
        pictures: dict[str, Any] = {"images": many} if several else {field or "image": kind}
        required = [*own.get("required", []), *pictures]
        return Schema(type=DataType.OBJECT, properties=own.get("properties", {}) | pictures, required=required)

    content = {"multipart/form-data": MediaType(schema=schema(Schema(type=DataType.STRING, format="binary")))}
    if not field:
        content["application/json"] = MediaType(schema=schema(Schema(type=DataType.STRING, format="byte")))
    return RequestBody(description=words, content=content, required=True)


def describe(blueprint: APIBlueprint, path: str, body: RequestBody) -> None:
    """Put a body's description into the document of a POST route."""
    operation = blueprint.paths[path].post
    assert operation
    operation.requestBody = body
