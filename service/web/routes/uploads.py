"""`/uploads/<container>`: a file on its way through the service into storage, for whom storage is out of reach."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from http import HTTPStatus

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, RawModel, Tag
from pydantic import BaseModel, Field
from werkzeug.exceptions import ClientDisconnected, LengthRequired

from service.errors import BadRequest, BlobExists, Conflict, MediaNotFound, UnsupportedMedia
from service.jobs.media_kind import CONTENT_TYPES, kind_of, media_type_of
from service.jobs.names import LONGEST_BLOB, check_blob, check_container
from service.jobs.options import Media, MediaType
from service.storage.blob_store import BlobInfo
from service.web.protocol.bodies import BodyStream, body_stream, takes_body
from service.web.protocol.job_json import with_query
from service.web.protocol.openapi import CONTAINER, Parameters, needs, operation_name, optional, problems
from service.web.services import Services, services

PIECE_BYTES = 4 << 20
SHA256_METADATA = "sha256"

uploads = APIBlueprint("uploads", __name__, abp_tags=[Tag(name="Uploads")], operation_id_callback=operation_name)


class UploadPath(BaseModel):
    """Where to."""

    name: str = Field(description="Container of the upload; made where it is missing.", json_schema_extra=CONTAINER)


class UploadedQuery(Parameters):
    """Which upload."""

    blob: str = Field(
        min_length=1,
        max_length=LONGEST_BLOB,
        description="Name of the blob, without empty, `.` or `..` segments, control characters and backslashes.",
    )


class UploadQuery(UploadedQuery):
    """Under which name, and what it is."""

    media_type: MediaType | None = Field(
        None,
        description="How it was taken; kept in the blob's metadata. Default: by a folder `posed/` or `wild/` in its "
        "name, else the setting DEFAULT_MEDIA_TYPE.",
        json_schema_extra=optional,
    )


class UploadHeader(Parameters):
    """What the sender knows of the file."""

    sha256: str | None = Field(
        None,
        alias="X-Content-SHA256",
        description="SHA-256 of the file, 64 hex digits. What arrives otherwise is refused, and the same file sent "
        "again is answered 200 instead of 409.",
        json_schema_extra=optional,
        pattern="^[0-9a-f]{64}$",
    )


class UploadBody(RawModel):
    """The file as it is."""

    mimetypes: list[str] = ["application/octet-stream"]  # noqa: RUF012


class Upload(BaseModel):
    """A file in storage that can be analysed."""

    container: str
    blob: str
    etag: str = Field(description="Version of the blob, without quotes.")
    size: int = Field(description="In bytes.")
    sha256: str | None = Field(description="Null for a file that came another way than through this route.")
    media: Media
    media_type: MediaType
    links: dict[str, str] = Field(description="`analyse` (POST) starts its job, `jobs` lists the container's.")


@uploads.put(
    "/uploads/<name>",
    endpoint="put",
    responses={200: Upload, 201: Upload, **problems(400, 408, 409, 411, 413, 415, 503)},
    security=needs("analyse"),
)
@takes_body()
def upload(path: UploadPath, query: UploadQuery, header: UploadHeader, raw: UploadBody) -> Response:
    """Upload a picture or video as a new blob, streamed into storage.

    It appears there whole or not at all: one that breaks off leaves nothing, and is sent again. A name that is taken
    stays what it is (409), unless it is the same file by size and SHA-256 (200). The length must be announced.
    """
    own = services()
    container = check_container(path.name, own.settings.results_container)
    blob = check_blob(query.blob)
    size = _announced()
    content_type = _content_type(blob, request.mimetype)
    found = _same(own, container, blob, size, header.sha256)
    if found:
        return _answer(own, container, found, HTTPStatus.OK)
    own.blobs.ensure_container(container)
    received = _Received(body_stream(), size, header.sha256)

    def metadata() -> dict[str, str]:
        told = {"media_type": query.media_type} if query.media_type else {}
        return told | {SHA256_METADATA: received.sha256}

    try:
        own.blobs.upload_stream(container, blob, received.pieces(), content_type=content_type, metadata=metadata)
    except BlobExists:
        # Someone else was quicker.
        found = _same(own, container, blob, size, received.sha256)
        if found is None:
            raise
        return _answer(own, container, found, HTTPStatus.OK)
    return _answer(own, container, own.blobs.info(container, blob), HTTPStatus.CREATED)


@uploads.get(
    "/uploads/<name>",
    endpoint="get",
    responses={200: Upload, **problems(400, 404, 415, 503)},
    security=needs("read"),
)
def uploaded(path: UploadPath, query: UploadedQuery) -> Response:
    """What is there under a name already; to be asked before a long upload is repeated."""
    own = services()
    container = check_container(path.name, own.settings.results_container)
    return _answer(own, container, own.blobs.info(container, check_blob(query.blob)), HTTPStatus.OK)


class _Received:
    """The body on its way, in pieces of one size, counted and summed."""

    def __init__(self, stream: BodyStream, size: int, promised_sha256: str | None) -> None:
        self._stream = stream
        self._left = size
        self._promised = promised_sha256
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what has come so far, in hex digits."""
        return self._digest.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """Raises BadRequest where the body ends early or is not the file that was promised, and RequestTimeout."""
        while self._left:
            piece = self._piece(min(PIECE_BYTES, self._left))
            self._left -= len(piece)
            self._digest.update(piece)
            yield piece
        # The stream itself has to see the end, so that the connection can be used again.
        self._stream.read(1)
        if self._promised not in (None, self.sha256):
            raise BadRequest(f"the SHA-256 of what arrived is {self.sha256}, not {self._promised}", "checksum_mismatch")

    def _piece(self, size: int) -> bytes:
        piece = bytearray()
        try:
            while len(piece) < size:
                some = self._stream.read(size - len(piece))
                if not some:
                    raise ClientDisconnected
                piece += some
        except ClientDisconnected as error:
            raise BadRequest("the body ended before the length that was announced", "incomplete_upload") from error
        return bytes(piece)


def _announced() -> int:
    """The length in bytes, before any of it is read."""
    size = request.content_length
    if size is None:
        raise LengthRequired("say with Content-Length how long the file is; a chunked body does not")
    if size == 0:
        raise BadRequest("the file is empty", "empty_upload")
    return size


def _content_type(blob: str, told: str) -> str:
    """The sender's word if it is one that we know, else by the name. Raises UnsupportedMedia."""
    if kind_of(blob, told) is None:
        raise UnsupportedMedia(
            f"blob {blob[:80]!r} (content type {told[:80] or 'unknown'}) is not known as a picture or video; "
            "give it the usual file extension"
        )
    if told.lower() in CONTENT_TYPES:
        return told.lower()
    return mimetypes.guess_type(f"x.{blob.rpartition('.')[2]}")[0] or "application/octet-stream"


def _same(own: Services, container: str, blob: str, size: int, sha256: str | None) -> BlobInfo | None:
    """The blob of this name if it is this file. Raises Conflict where it is another."""
    try:
        found = own.blobs.info(container, blob)
    except MediaNotFound:
        return None
    if sha256 and found.size == size and found.metadata.get(SHA256_METADATA) == sha256:
        return found
    raise Conflict(
        f"container {container!r} has a blob {blob!r} already, of {found.size:,} bytes; take another name or container",
        "blob_exists",
    )


def _answer(own: Services, container: str, blob: BlobInfo, status: HTTPStatus) -> Response:
    media = kind_of(blob.name, blob.content_type)
    if media is None:
        raise UnsupportedMedia(f"blob {blob.name[:80]!r} is not known as a picture or video")
    media_type = media_type_of(blob.name, blob.metadata, own.settings.default_media_type)
    analyse = url_for("analyse.analyse_by_post", media=media, media_type=media_type, name=container)
    body = Upload(
        container=container,
        blob=blob.name,
        etag=blob.etag,
        size=blob.size,
        sha256=blob.metadata.get(SHA256_METADATA),
        media=media,
        media_type=media_type,
        links={
            "self": with_query(url_for("uploads.get", name=container), blob=blob.name),
            "analyse": with_query(analyse, blob=blob.name),
            "jobs": with_query(url_for("jobs.newest"), container=container),
        },
    )
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = status
    if status == HTTPStatus.CREATED:
        response.headers["Location"] = body.links["self"]
    return response
