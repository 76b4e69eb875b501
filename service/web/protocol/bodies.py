"""Request bodies: limits of length and number, and reading within the time limit.

A view that takes a body declares it with `takes_body`; all others refuse more than `LONGEST_BODY` before any of it is
read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import current_app, g, request
from flask_openapi3 import OpenAPI
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest as UndecodableBody
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

from service.errors import Busy
from service.settings import Settings
from service.web.services import services

LONGEST_BODY = 64 * 1024
"""Limit in bytes of routes without a body; shorter bodies are ignored."""

FORM_BYTES = 64 * 1024
"""Allowance for a multipart form around its file."""

BODIES_AT_ONCE = 16
"""Requests with a body that a process reads and answers at once."""

KEEP_ALIVE = "keep_alive"
"""Of gunicorn's body: see `server`."""

MaxBytes = Callable[[Settings], int]
View = TypeVar("View", bound=Callable[..., Any])

_MARK = "max_body_bytes"


def _longest_media(settings: Settings) -> int:
    return settings.max_media_mb * 1024 * 1024


def takes_body(max_bytes: MaxBytes = _longest_media) -> Callable[[View], View]:
    """Mark a view function that reads a body, and set the body's limit in bytes."""

    def mark(view: View) -> View:
        setattr(view, _MARK, max_bytes)
        return view

    return mark


def is_taken() -> bool:
    """Whether the route of this request takes a body."""
    return _max_bytes() is not None


def guard(app: OpenAPI) -> None:
    """Limit the bodies that are read and answered at once: each may take memory, and a slow sender takes its time."""
    slots = _Slots()

    def acquire_slot() -> None:
        if is_taken():
            g.body_slot = slots.acquire(BODIES_AT_ONCE)

    def release_slot(_error: BaseException | None) -> None:
        if g.pop("body_slot", False):
            slots.release()

    app.before_request(acquire_slot)
    app.teardown_request(release_slot)


def refuse_long_body() -> None:
    """Refuse a long body before any of it is read: Flask checks only when a route reads.

    Raises:
        RequestEntityTooLarge.
    """
    limit = _max_bytes()
    request.max_content_length = LONGEST_BODY if limit is None else limit
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge(f"the body is longer than {request.max_content_length:,} bytes")


def read_body() -> bytes:
    """Read the whole body. Raises RequestEntityTooLarge, RequestTimeout, ClientDisconnected."""
    with _in_time():
        data: bytes = request.get_data(cache=False)
    _was_read_whole()
    return data


class BodyStream:
    """A body that is read piece by piece, since it is too long for memory."""

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; returns none at the end.

        Raises:
            ClientDisconnected, RequestTimeout: the body ends too early, or arrives too slowly.
        """
        with _in_time():
            piece: bytes = request.stream.read(size)
        if not piece:
            _was_read_whole()
        return piece


def body_stream() -> BodyStream:
    """Return the stream of this request's body."""
    return BodyStream()


@contextmanager
def _in_time() -> Iterator[None]:
    try:
        yield
    except ClientDisconnected as error:
        # Werkzeug raises the same error for both.
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeout("the body arrived too slowly") from error
        raise
    except ParseException as error:
        raise UndecodableBody("the body is not in chunks as HTTP asks") from error


def _was_read_whole() -> None:
    """Keep the connection open: nothing of the body is left in it."""
    keep_alive = getattr(request.environ.get("wsgi.input"), KEEP_ALIVE, None)
    if keep_alive:
        keep_alive()


def read_form() -> tuple[dict[str, list[str]], list[bytes]]:
    """Read the fields and the files of a form; the fields may be as long as the whole body.

    Raises:
        RequestEntityTooLarge, RequestTimeout, ClientDisconnected: it is too long, or does not arrive.
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

    def acquire(self, at_most: int) -> bool:
        """Take a slot. Raises Busy where none is free."""
        with self._lock:
            if self._taken >= at_most:
                raise Busy
            self._taken += 1
        return True

    def release(self) -> None:
        with self._lock:
            self._taken -= 1


def _max_bytes() -> int | None:
    view = current_app.view_functions.get(request.endpoint or "")
    limit: MaxBytes | None = getattr(view, _MARK, None)
    return limit(services().settings) if limit else None
