"""What passes between a pool and its children: a JSON object and bytes, each with its length before it."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

_LENGTHS = struct.Struct(">II")
_LONGEST = 1 << 30


class LineClosed(Exception):
    """The other side is gone."""


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


def send(line: socket.socket, words: dict[str, Any], body: bytes, deadline: Deadline | None = None) -> None:
    """Raises LineClosed, TimeoutError."""
    text = json.dumps(words).encode()
    try:
        for part in (_LENGTHS.pack(len(text), len(body)), text, body):
            if deadline:
                deadline.arm(line)
            line.sendall(part)
    except TimeoutError:
        raise
    except OSError as error:
        raise LineClosed from error


def receive(line: socket.socket, deadline: Deadline | None = None) -> tuple[dict[str, Any], bytes]:
    """Raises LineClosed, TimeoutError."""
    text_length, body_length = _LENGTHS.unpack(_exactly(line, _LENGTHS.size, deadline))
    if text_length + body_length > _LONGEST:
        raise LineClosed
    words = json.loads(_exactly(line, text_length, deadline))
    return words, bytes(_exactly(line, body_length, deadline))


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
