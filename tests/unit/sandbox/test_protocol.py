"""Messages between a pool and its children: whole or not at all, and errors of a known kind only."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from service.errors import EngineUnavailable, MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.sandbox.protocol import (
    MESSAGE_CHARACTERS,
    Deadline,
    LineClosed,
    NotDelivered,
    error_fields,
    out_of_memory,
    raise_error,
    receive,
    send,
)

Line = tuple[socket.socket, socket.socket]


@pytest.fixture
def line() -> Iterator[Line]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_fields_and_bytes_arrive_as_they_were_sent(line: Line) -> None:
    send(line[0], {"do": "probe", "é": None}, b"\x00\xff")
    send(line[0], {}, b"")
    assert (receive(line[1]), receive(line[1])) == (({"do": "probe", "é": None}, b"\x00\xff"), ({}, b""))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0\0",
        struct.pack(">II", 2, 5) + b"{}abc",
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 4, 0) + b"null",
        struct.pack(">II", 3, 0) + b"{x}",
        struct.pack(">II", 1, 0) + b"\xff",
        struct.pack(">II", 40_000, 0) + b"[" * 40_000,
        # More than a gigabyte is asked for before a byte of it is there.
        struct.pack(">II", 1 << 29, 1 << 30),
    ],
)
def test_what_is_no_message_closes_the_line(line: Line, sent: bytes) -> None:
    line[0].sendall(sent)
    line[0].close()
    with pytest.raises(LineClosed):
        receive(line[1], Deadline(5))


def test_a_message_that_does_not_come_in_time_is_a_timeout(line: Line) -> None:
    line[0].sendall(struct.pack(">II", 2, 0) + b"{")
    with pytest.raises(TimeoutError):
        receive(line[1], Deadline(0.02))
    with pytest.raises(TimeoutError):
        receive(line[1], Deadline(0))


def test_a_message_that_is_not_taken_in_time_is_a_timeout(line: Line) -> None:
    with pytest.raises(TimeoutError):
        send(line[0], {}, b"x" * (16 << 20), Deadline(0.02))


def test_a_message_to_a_closed_line_is_not_delivered(line: Line) -> None:
    line[1].close()
    with pytest.raises(NotDelivered):
        send(line[0], {}, b"x" * (1 << 20))


@pytest.mark.parametrize("kind", [MediaTooLarge, UnsupportedMedia, UnreadableMedia])
def test_an_error_over_the_file_is_raised_again_in_the_parent(kind: type[UnreadableMedia]) -> None:
    with pytest.raises(kind) as raised:
        raise_error(error_fields(kind("because")))
    assert raised.value.message == "because"


@pytest.mark.parametrize("name", ["EngineUnavailable", "SystemExit", "", 5, None, ["MediaTooLarge"]])
def test_any_other_error_of_a_child_is_unreadable_media(name: object) -> None:
    with pytest.raises(UnreadableMedia):
        raise_error({"error": name, "message": "x"})


def test_a_child_may_raise_what_its_parent_expects_besides() -> None:
    with pytest.raises(EngineUnavailable):
        raise_error({"error": "EngineUnavailable"}, besides=(EngineUnavailable,))


def test_a_childs_words_are_cut() -> None:
    with pytest.raises(UnreadableMedia) as raised:
        raise_error({"error": "UnreadableMedia", "message": "x" * 100_000})
    assert len(raised.value.message) == MESSAGE_CHARACTERS


def test_an_answer_without_an_error_raises_none_and_a_full_memory_is_too_large() -> None:
    raise_error({"width": 5})
    with pytest.raises(MediaTooLarge, match="memory"):
        raise_error(out_of_memory())
