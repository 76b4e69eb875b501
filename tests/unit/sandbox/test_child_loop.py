"""A pool child's loop: an answer for each request, errors of the file told, faults left to end the process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox import child_loop
from service.sandbox.child_loop import Answer, serve
from service.sandbox.protocol import receive, send


def _echo(body: bytes, **fields: Any) -> Answer:
    return fields, body[::-1]


def _raising(error: Exception) -> Callable[..., Answer]:
    def act(_body: bytes) -> Answer:
        raise error

    return act


ACTS = {
    "echo": _echo,
    "large": _raising(MediaTooLarge("too many pixels")),
    "memory": _raising(MemoryError()),
    "library": _raising(ValueError("bad marker")),
    "fault": _raising(KeyError("fault")),
}


def translate(error: Exception) -> UnreadableMedia | None:
    return UnreadableMedia(str(error)) if isinstance(error, ValueError) else None


@dataclass
class Loop:
    """A loop on a thread in place of a process, and the pool's end of its line."""

    line: socket.socket
    thread: threading.Thread | None = None
    error: BaseException | None = None

    def end(self) -> BaseException | None:
        """Wait for the end; returns what ended it, None for a line that was closed."""
        assert self.thread
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.error


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(child_loop.os, "dup", lambda _: theirs.detach())
    made = Loop(ours)

    def run() -> None:
        try:
            serve(ACTS, translate)
        except BaseException as error:
            made.error = error

    made.thread = threading.Thread(target=run)
    made.thread.start()
    with ours:
        yield made
    made.thread.join(5)


def ask(loop: Loop, do: str, **fields: Any) -> Answer:
    send(loop.line, {"do": do, **fields}, b"abc")
    return receive(loop.line)


def test_requests_are_answered_one_after_the_other(loop: Loop) -> None:
    assert ask(loop, "echo", size=3) == ({"size": 3}, b"cba")
    assert ask(loop, "large") == ({"error": "MediaTooLarge", "message": "too many pixels"}, b"")
    assert ask(loop, "library") == ({"error": "UnreadableMedia", "message": "bad marker"}, b"")
    assert ask(loop, "memory")[0]["error"] == "MediaTooLarge"
    # None of these ended it.
    assert ask(loop, "echo") == ({}, b"cba")


def test_the_loop_ends_when_the_pool_hangs_up(loop: Loop) -> None:
    assert ask(loop, "echo") == ({}, b"cba")
    loop.line.shutdown(socket.SHUT_RDWR)
    assert loop.end() is None


@pytest.mark.parametrize("do", ["fault", "unknown"])
def test_an_unforeseen_error_ends_it(loop: Loop, do: str) -> None:
    send(loop.line, {"do": do}, b"")
    assert isinstance(loop.end(), KeyError)
