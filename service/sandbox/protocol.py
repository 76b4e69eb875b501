"""Messages between a pool and its children: a JSON object and bytes, each preceded by its length."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

from service.errors import AnalysisError, MediaTooLarge, OptionDoesNotFit, UnreadableMedia, UnsupportedMedia

MEDIA_ERRORS = (MediaTooLarge, OptionDoesNotFit, UnreadableMedia, UnsupportedMedia)
"""What a child may say of a file. A decoder works on hostile bytes: it raises nothing else in its parent."""
ERROR = "error"
MESSAGE_CHARACTERS = 500

_LENGTHS = struct.Struct(">II")
_LONGEST = 1 << 30


class LineClosed(Exception):
    """The other side is gone, or sends what is no message."""


class NotDelivered(LineClosed):
    """The other side was gone before it had the whole message."""


class Deadline:
    """A point in time until which a socket may be waited for."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def arm(self, line: socket.socket) -> None:
        """Let the socket wait until then. Raises TimeoutError where it is over."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)


def send(line: socket.socket, fields: dict[str, Any], body: bytes, deadline: Deadline | None = None) -> None:
    """Send one message.

    Raises:
        NotDelivered: the other side is gone.
        TimeoutError: it did not take it in time.
    """
    text = json.dumps(fields).encode()
    # Nothing follows an empty body: a side that has gone by then had the whole message.
    parts = [_LENGTHS.pack(len(text), len(body)), text, *([body] if body else [])]
    try:
        for part in parts:
            if deadline:
                deadline.arm(line)
            line.sendall(part)
    except TimeoutError:
        raise
    except OSError as error:
        raise NotDelivered from error


def receive(line: socket.socket, deadline: Deadline | None = None) -> tuple[dict[str, Any], bytes]:
    """Receive one message.

    Raises:
        LineClosed: the other side is gone, or sent bytes that are no message.
        TimeoutError: none came in time.
    """
    text_length, body_length = _LENGTHS.unpack(_exactly(line, _LENGTHS.size, deadline))
    if text_length + body_length > _LONGEST:
        raise LineClosed
    try:
        fields = json.loads(_exactly(line, text_length, deadline))
    except (ValueError, RecursionError) as error:
        raise LineClosed from error
    if not isinstance(fields, dict):
        raise LineClosed
    return fields, bytes(_exactly(line, body_length, deadline))


def error_fields(error: AnalysisError) -> dict[str, Any]:
    """The message that carries a child's error to its parent."""
    return {ERROR: type(error).__name__, "message": error.message}


def out_of_memory() -> dict[str, Any]:
    """The message of a child that met its memory limit."""
    return error_fields(MediaTooLarge("it needs more memory than decoders may take"))


def raise_error(fields: Mapping[str, Any], *, besides: tuple[type[AnalysisError], ...] = ()) -> None:
    """Raise the error that a message carries, if it carries one.

    Args:
        besides: errors that this child may raise, in addition to `MEDIA_ERRORS`; any other name is UnreadableMedia.
    """
    if ERROR not in fields:
        return
    kinds: tuple[type[AnalysisError], ...] = (*MEDIA_ERRORS, *besides)
    allowed = {kind.__name__: kind for kind in kinds}
    kind = allowed.get(str(fields[ERROR]), UnreadableMedia)
    raise kind(str(fields.get("message", ""))[:MESSAGE_CHARACTERS])


def _exactly(line: socket.socket, length: int, deadline: Deadline | None) -> bytearray:
    data = bytearray(length)
    place = 0
    try:
        with memoryview(data) as view:
            while place < length:
                if deadline:
                    deadline.arm(line)
                taken = line.recv_into(view[place:])
                if not taken:
                    raise LineClosed
                place += taken
    except TimeoutError:
        raise
    except OSError as error:
        raise LineClosed from error
    return data
