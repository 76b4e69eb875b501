"""Request bodies: who may send one, how long it may be, how many are read at once, and what a picture comes in.

A view that takes a body says so with `takes_body`; all others refuse more than `LONGEST_BODY` before anything is read.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import current_app, g, json, request
from flask_openapi3 import OpenAPI
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

from service.errors import BadRequest, Busy, UnsupportedMedia
from service.settings import Settings
from service.web.services import services

LONGEST_BODY = 64 * 1024
"""In bytes, where a route takes none: whatever clients send along is ignored."""

FORM_BYTES = 64 * 1024
"""What a multipart form may have around its file."""

KEEP_ALIVE = "keep_alive"
"""Of gunicorn's body: see `server`."""

MaxBytes = Callable[[Settings], int]
View = TypeVar("View", bound=Callable[..., Any])

_MARK = "max_body_bytes"


def _longest_media(settings: Settings) -> int:
    return settings.max_media_mb * 1024 * 1024


def takes_body(max_bytes: MaxBytes = _longest_media) -> Callable[[View], View]:
    """Mark a view function: its request may have a body of so many bytes, and it reads it."""

    def mark(view: View) -> View:
        setattr(view, _MARK, max_bytes)
        return view

    return mark


def guard(app: OpenAPI) -> None:
    """Let only so many bodies be read and answered at once: slow senders must not have all threads."""
    slots = _Slots()

    def acquire_slot() -> None:
        if _max_bytes() is not None:
            g.body_slot = slots.taken(services().settings.web_threads // 2)

    def release_slot(_error: BaseException | None) -> None:
        if g.pop("body_slot", False):
            slots.give_back()

    app.before_request(acquire_slot)
    app.teardown_request(release_slot)


def refuse_long_body() -> None:
    """Before anything of it is read; Flask itself looks only where a route reads. Raises RequestEntityTooLarge."""
    limit = _max_bytes()
    request.max_content_length = LONGEST_BODY if limit is None else limit
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge(f"the body is longer than {request.max_content_length:,} bytes")


def read_body() -> bytes:
    """The whole body. Raises RequestEntityTooLarge, RequestTimeout, ClientDisconnected."""
    with _in_time():
        data: bytes = request.get_data(cache=False)
    _was_read_whole()
    return data


class BodyStream:
    """The body piece by piece, for those that are too long to be held."""

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many; none at its end.

        Raises:
            ClientDisconnected, RequestTimeout: it ends too early, or comes too slowly.
        """
        with _in_time():
            piece: bytes = request.stream.read(size)
        if not piece:
            _was_read_whole()
        return piece


def body_stream() -> BodyStream:
    """That of this request."""
    return BodyStream()


@contextmanager
def _in_time() -> Iterator[None]:
    try:
        yield
    except ClientDisconnected as error:
        # As Werkzeug tells of both.
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeout("the body came too slowly") from error
        raise


def _was_read_whole() -> None:
    """Nothing of the body is left in the connection, so it can be used again."""
    keep_alive = getattr(request.environ.get("wsgi.input"), KEEP_ALIVE, None)
    if keep_alive:
        keep_alive()


def read_picture() -> bytes:
    """The picture of a raw, multipart or JSON body.

    Raises:
        BadRequest: there is none in it.
        UnsupportedMedia: the body is of another kind.
        RequestEntityTooLarge, RequestTimeout: it is too long, or comes too slowly.
    """
    kind = request.mimetype
    if kind == "multipart/form-data":
        picture = _from_form()
    elif kind == "application/json":
        picture = _from_json(read_body())
    elif not kind or kind.startswith("image/") or kind == "application/octet-stream":
        picture = read_body()
    else:
        raise UnsupportedMedia(
            f"a body of {kind[:80]!r} is not taken; send the picture itself (image/…), a multipart form with a file, "
            'or JSON {"image": "<base64>"}'
        )
    if not picture:
        raise BadRequest("the request holds no picture", "no_picture")
    return picture


def read_form() -> tuple[dict[str, list[str]], list[bytes]]:
    """The fields and the files of a form; the fields may be as long as the whole body.

    Raises:
        RequestEntityTooLarge, RequestTimeout, ClientDisconnected: it is too long, or does not come.
    """
    request.max_form_memory_size = request.max_content_length
    with _in_time():
        fields, files = request.form.to_dict(flat=False), [file for _, file in request.files.items(multi=True)]
    _was_read_whole()
    contents: list[bytes] = []
    for file in files:
        with file.stream:
            contents.append(file.read())
    return fields, contents


class _Slots:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def taken(self, at_most: int) -> bool:
        """Raises Busy."""
        with self._lock:
            if self._taken >= at_most:
                raise Busy
            self._taken += 1
        return True

    def give_back(self) -> None:
        with self._lock:
            self._taken -= 1


def _max_bytes() -> int | None:
    view = current_app.view_functions.get(request.endpoint or "")
    limit: MaxBytes | None = getattr(view, _MARK, None)
    return limit(services().settings) if limit else None


def _from_form() -> bytes:
    with _in_time():
        files = list(request.files.values())
    _was_read_whole()
    pictures: list[bytes] = []
    for file in files:
        # Long ones lie on disk, and do not close themselves.
        with file.stream:
            pictures.append(file.read())
    if len(pictures) != 1:
        raise BadRequest(f"the form holds {len(pictures)} files; one picture is expected", "no_picture")
    return pictures[0]


def _from_json(body: bytes) -> bytes:
    try:
        text = json.loads(body)["image"]
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequest('the body is not JSON of the form {"image": "<base64>"}') from error
    # Browsers make data URLs: data:image/png;base64,…
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("`image` is not base64") from error
