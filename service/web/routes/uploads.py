"""Upload routes: stream a file through the service into storage, for clients without access to storage."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from flask import Response, jsonify, request, url_for
from flask_openapi3 import APIBlueprint, RawModel, Tag
from pydantic import BaseModel, Field
from werkzeug.exceptions import ClientDisconnected, LengthRequired

from service.errors import BadRequest, BlobExists, Conflict, MediaNotFound, UnsupportedMedia
from service.jobs.media_kind import CONTENT_TYPE_OF, CONTENT_TYPES, Media, MediaType, kind_of, media_type_of
from service.jobs.names import LONGEST_BLOB, check_blob, check_container
from service.jobs.sequence import METADATA
from service.jobs.studies import METADATA as STUDY_METADATA
from service.jobs.studies import check_study, part_of, study_of
from service.jobs.study_place import CONTAINER as STUDIES_CONTAINER
from service.jobs.submit import UPLOADED_BY
from service.jobs.upload_places import blob_of, container_of, today
from service.storage.blob_store import BlobInfo
from service.web.access.ownership import caller_name, is_visible, own_name, visible_upload
from service.web.protocol.bodies import BodyStream, body_stream, takes_body
from service.web.protocol.job_json import with_query
from service.web.protocol.openapi import CONTAINER, Parameters, needs, operation_name, optional, problems, study_name
from service.web.services import Services, services

RESERVED_CONTAINERS = frozenset({"dead-letters", STUDIES_CONTAINER})
RESERVED_PREFIXES = ("azure-webjobs-",)
"""Containers of the function host and of Event Grid's dead letters; uploads there could forge their state."""

PIECE_BYTES = 4 << 20
SHA256_METADATA = "sha256"
LONGEST_NAME = LONGEST_BLOB - 65
"""Of a file in a folder that is named by its SHA-256."""

uploads = APIBlueprint("uploads", __name__, abp_tags=[Tag(name="Uploads")], operation_id_callback=operation_name)


class UploadPath(BaseModel):
    """Path of an upload."""

    name: str = Field(description="Container of the upload; created where it is missing.", json_schema_extra=CONTAINER)


class UploadedQuery(Parameters):
    """Name of an upload."""

    blob: str = Field(
        min_length=1,
        max_length=LONGEST_BLOB,
        description="Name of the blob, without empty, `.` or `..` segments, control characters and backslashes.",
    )


STUDY_FIELD = Field(
    None,
    description="Study under which the file stands; kept in a new blob's metadata. State it to `/analyse` as well: an "
    "upload that is there already keeps its metadata, and with it its ETag.",
    json_schema_extra=study_name,
)


class UploadQuery(UploadedQuery):
    """Name and kind of an upload."""

    study: str | None = STUDY_FIELD

    media_type: MediaType | None = Field(
        None,
        description="How it was taken; kept in the blob's metadata. Default: by a folder `posed/` or `wild/` in its "
        "name, else the setting DEFAULT_MEDIA_TYPE.",
        json_schema_extra=optional,
    )
    media: Literal["sequence"] | None = Field(
        None,
        description="`sequence`: a picture that is a member of a sequence only, kept in the blob's metadata; no event "
        "and no sweep starts a job for it alone.",
        json_schema_extra=optional,
    )


class UploadHeader(Parameters):
    """Headers of an upload."""

    sha256: str | None = Field(
        None,
        alias="X-Content-SHA256",
        description="SHA-256 of the file, 64 hex digits. Other bytes are refused, and a repeated upload of the same "
        "file is answered 200 instead of 409.",
        json_schema_extra=optional,
        pattern="^[0-9a-f]{64}$",
    )


class OwnUploadHeader(Parameters):
    """Header of an upload into the caller's own container."""

    sha256: str = Field(
        alias="X-Content-SHA256",
        description="SHA-256 of the file, 64 hex digits; other bytes are refused.",
        pattern="^[0-9a-f]{64}$",
    )


class OwnUploadedQuery(Parameters):
    """Name and content of a file."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="Name of the file, without a folder.")
    sha256: str = Field(description="SHA-256 of the file, 64 hex digits.", pattern="^[0-9a-f]{64}$")
    study: str | None = STUDY_FIELD


class OwnUploadQuery(Parameters):
    """Name and kind of a file."""

    study: str | None = STUDY_FIELD

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="Name of the file, without a folder.")
    media_type: MediaType | None = Field(
        None,
        description="How it was taken; kept in the blob's metadata. Default: the setting DEFAULT_MEDIA_TYPE.",
        json_schema_extra=optional,
    )


class UploadBody(RawModel):
    """The bytes of the file."""

    mimetypes: list[str] = ["application/octet-stream"]  # noqa: RUF012


class Upload(BaseModel):
    """An uploaded file."""

    container: str
    blob: str
    etag: str = Field(description="Version of the blob, without quotes.")
    size: int = Field(description="In bytes.")
    sha256: str | None = Field(description="Null for a file that was not uploaded by this route.")
    media: Media
    media_type: MediaType
    study: str | None = Field(description="Study that the file was uploaded for.")
    links: dict[str, str] = Field(description="`analyse` (POST) starts its job, `jobs` lists the container's.")


class Place(BaseModel):
    """Where a file of the caller goes, or is."""

    container: str = Field(description="`uploads-<owner>-<study or day>`, of the file's first upload.")
    blob: str = Field(description="`<SHA-256>/<name>`.")
    upload: Upload | None = Field(description="The upload; null where the file is not there yet.")


@uploads.get(
    "/uploads", endpoint="place", responses={200: Place, **problems(400, 415, 503)}, security=needs("read", own=True)
)
def upload_place(query: OwnUploadedQuery) -> Response:
    """Show where a file of the caller's goes, and its upload where it is there: nothing has to be sent twice.

    A file is found by its SHA-256, on whatever day it was sent first.
    """
    own, owner = services(), caller_name()
    container = own.table.upload_places.find(owner, query.sha256) or container_of(owner, _part(query.study))
    blob = _own_blob(query.sha256, query.name)
    body = Place(container=container, blob=blob, upload=None)
    with suppress(MediaNotFound):
        body.upload = _upload(own, container, visible_upload(container, blob))
    return jsonify(body.model_dump(mode="json"))


@uploads.put(
    "/uploads",
    endpoint="put_own",
    responses={200: Upload, 201: Upload, **problems(400, 408, 409, 411, 413, 415, 503)},
    security=needs("analyse", own=True),
)
@takes_body()
def upload_own(query: OwnUploadQuery, header: OwnUploadHeader, raw: UploadBody) -> Response:
    """Upload a picture or video into the caller's container, `uploads-<owner>-<study or day>`, as `<SHA-256>/<name>`.

    As the route with a container, otherwise. Study and day are fixed by the first upload of these bytes, so that a
    repeated or resumed upload meets its blob also after midnight and in another study, and two files of one name never
    meet.
    """
    own = services()
    blob = _own_blob(header.sha256, query.name)
    size, content_type = _content_length(), _content_type(blob, request.mimetype)
    container = own.table.upload_places.choose(caller_name(), header.sha256, _part(query.study))
    return _store(
        _Request(container, blob, size, content_type, header.sha256, query.media_type, study=query.study or "")
    )


@uploads.put(
    "/uploads/<name>",
    endpoint="put",
    responses={200: Upload, 201: Upload, **problems(400, 408, 409, 411, 413, 415, 503)},
    security=needs("analyse", own=True),
)
@takes_body()
def upload(path: UploadPath, query: UploadQuery, header: UploadHeader, raw: UploadBody) -> Response:
    """Upload a picture or video as a new blob, streamed into storage.

    It appears whole or not at all: an interrupted upload leaves nothing, and can be repeated. An existing blob is never
    overwritten (409), unless it is the same file by size and SHA-256 (200). Content-Length is required.
    """
    container = _check_target(path.name, services().settings.results_container)
    blob = check_blob(query.blob)
    size = _content_length()
    content_type = _content_type(blob, request.mimetype)
    study = "" if query.study is None else check_study(query.study)
    return _store(_Request(container, blob, size, content_type, header.sha256, query.media_type, query.media, study))


@uploads.get(
    "/uploads/<name>",
    endpoint="get",
    responses={200: Upload, **problems(400, 404, 415, 503)},
    security=needs("read", own=True),
)
def uploaded(path: UploadPath, query: UploadedQuery) -> Response:
    """Show an upload; ask before repeating a long one."""
    own = services()
    container = check_container(path.name, own.settings.results_container)
    return _answer(own, container, visible_upload(container, check_blob(query.blob)), HTTPStatus.OK)


@dataclass(frozen=True)
class _Request:
    """An upload whose headers are in order."""

    container: str
    blob: str
    size: int
    content_type: str
    sha256: str | None
    media_type: MediaType | None
    media: Literal["sequence"] | None = None
    study: str = ""


def _store(asked: _Request) -> Response:
    """Stream the body into its blob, or answer with the same file that is there already."""
    own, container, blob = services(), asked.container, asked.blob
    found = _same(own, container, blob, asked.size, asked.sha256)
    if found:
        return _answer(own, container, found, HTTPStatus.OK)
    own.blobs.ensure_container(container)
    received = _Received(body_stream(), asked.size, asked.sha256)

    def metadata() -> dict[str, str]:
        declared = {"media_type": asked.media_type, METADATA: asked.media, UPLOADED_BY: own_name()}
        declared |= {STUDY_METADATA: asked.study}
        declared |= {SHA256_METADATA: received.sha256}
        return {name: value for name, value in declared.items() if value}

    try:
        own.blobs.upload_stream(container, blob, received.pieces(), content_type=asked.content_type, metadata=metadata)
    except BlobExists:
        # Another upload of this name was faster.
        found = _same(own, container, blob, asked.size, received.sha256)
        if found is None:
            raise
        return _answer(own, container, found, HTTPStatus.OK)
    return _answer(own, container, own.blobs.info(container, blob), HTTPStatus.CREATED)


class _Received:
    """The body as pieces of one size, with its running SHA-256."""

    def __init__(self, stream: BodyStream, size: int, promised_sha256: str | None) -> None:
        self._stream = stream
        self._left = size
        self._promised = promised_sha256
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, in hex digits."""
        return self._digest.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces. Raises BadRequest where the body ends early or has another SHA-256, and RequestTimeout."""
        while self._left:
            piece = self._piece(min(PIECE_BYTES, self._left))
            self._left -= len(piece)
            self._digest.update(piece)
            yield piece
        # The stream itself has to see the end, so that the connection can be used again.
        self._stream.read(1)
        if self._promised not in (None, self.sha256):
            raise BadRequest(f"the SHA-256 of the body is {self.sha256}, not {self._promised}", "checksum_mismatch")

    def _piece(self, size: int) -> bytes:
        piece = bytearray()
        try:
            while len(piece) < size:
                some = self._stream.read(size - len(piece))
                if not some:
                    raise ClientDisconnected
                piece += some
        except ClientDisconnected as error:
            raise BadRequest("the body ended before its Content-Length", "incomplete_upload") from error
        return bytes(piece)


def _check_target(name: str, results_container: str) -> str:
    """Return the name, if uploads may go into this container. Raises BadRequest."""
    if name in RESERVED_CONTAINERS or name.startswith(RESERVED_PREFIXES):
        raise BadRequest(f"container {name!r} is reserved by Azure or the service; name another", "bad_container")
    return check_container(name, results_container)


def _part(study: str | None) -> str:
    """Name the part of the caller's container: the study's, else today's. Raises BadRequest."""
    return today() if study is None else part_of(check_study(study))


def _own_blob(sha256: str, name: str) -> str:
    """Name the blob of a caller's file. Raises BadRequest."""
    if "/" in name:
        raise BadRequest("a file's name has no slash here; its folder is its SHA-256", "bad_blob")
    return check_blob(blob_of(sha256, name))


def _content_length() -> int:
    """Return the body's length in bytes, before any of it is read. Raises LengthRequired, BadRequest."""
    size = request.content_length
    if size is None:
        raise LengthRequired("an upload needs a Content-Length; chunked bodies are not taken")
    if size == 0:
        raise BadRequest("the file is empty", "empty_upload")
    return size


def _content_type(blob: str, declared: str) -> str:
    """Return the declared content type if it is known, else the name's. Raises UnsupportedMedia."""
    suffix = blob.rpartition(".")[2].lower() if "." in blob else ""
    named = CONTENT_TYPE_OF.get(suffix) or mimetypes.guess_type(f"x.{suffix}")[0]
    # A suffix of another kind would let a page or an archive pass as a picture.
    is_other = kind_of(blob) is None and named is not None and not named.startswith(("image/", "video/"))
    if is_other or kind_of(blob, declared) is None:
        raise UnsupportedMedia(
            f"blob {blob[:80]!r} (content type {declared[:80] or 'unknown'}) is not known as a picture or video; "
            "give it the usual file extension"
        )
    if declared.lower() in CONTENT_TYPES:
        return declared.lower()
    return named or "application/octet-stream"


def _same(own: Services, container: str, blob: str, size: int, sha256: str | None) -> BlobInfo | None:
    """Find the blob of this name, if it is the same file. Raises Conflict where it is another."""
    try:
        found = own.blobs.info(container, blob)
    except MediaNotFound:
        return None
    if not is_visible(found):
        raise Conflict(
            f"container {container!r} has a blob of this name; take another name or container", "blob_exists"
        )
    if sha256 and found.size == size and found.metadata.get(SHA256_METADATA) == sha256:
        return found
    raise Conflict(
        f"container {container!r} has a blob {blob!r} already, of {found.size:,} bytes; take another name or container",
        "blob_exists",
    )


def _upload(own: Services, container: str, blob: BlobInfo) -> Upload:
    """Describe an upload. Raises UnsupportedMedia."""
    media = kind_of(blob.name, blob.content_type)
    if media is None:
        raise UnsupportedMedia(f"blob {blob.name[:80]!r} is not known as a picture or video")
    media_type = media_type_of(blob.name, blob.metadata, own.settings.default_media_type)
    analyse = url_for("analyse.analyse_by_post", media=media, media_type=media_type, name=container)
    return Upload(
        container=container,
        blob=blob.name,
        etag=blob.etag,
        size=blob.size,
        sha256=blob.metadata.get(SHA256_METADATA),
        media=media,
        media_type=media_type,
        study=study_of(blob.metadata) or None,
        links={
            "self": with_query(url_for("uploads.get", name=container), blob=blob.name),
            "analyse": with_query(analyse, blob=blob.name),
            "jobs": with_query(url_for("jobs.newest"), container=container),
        },
    )


def _answer(own: Services, container: str, blob: BlobInfo, status: HTTPStatus) -> Response:
    body = _upload(own, container, blob)
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = status
    if status == HTTPStatus.CREATED:
        response.headers["Location"] = body.links["self"]
    return response
