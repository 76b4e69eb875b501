"""A picture and a clip drawn in code, so that engine and decoders can be tried where no media is at hand."""

from __future__ import annotations

import struct

WIDTH, HEIGHT = 320, 240
RATE, FRAMES = 25, 3

_INFO = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, WIDTH * HEIGHT * 3, 0, 0, 0, 0)
"""BITMAPINFOHEADER: 24 bits a pixel, not compressed; the same words in a BMP and in an AVI."""


def picture() -> bytes:
    """A BMP of a colour gradient; there is no face in it."""
    pixels = _pixels(0)
    start = 14 + len(_INFO)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + _INFO + pixels


def clip() -> bytes:
    """An uncompressed AVI of a few such frames."""
    size = WIDTH * HEIGHT * 3
    flags = 0x10  # there is an index
    header = struct.pack("<14I", 1_000_000 // RATE, size * RATE, 0, flags, FRAMES, 0, 1, size, WIDTH, HEIGHT, *[0] * 4)
    stream = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", b"DIB ", 0, 0, 0, 0, 1, RATE, 0, FRAMES, size, 0, 0, 0, 0, WIDTH, HEIGHT
    )
    frames = b"".join(_chunk(b"00db", _pixels(number)) for number in range(FRAMES))
    places = (struct.pack("<4sIII", b"00db", 0x10, 4 + number * (size + 8), size) for number in range(FRAMES))
    return _chunk(
        b"RIFF",
        b"AVI "
        + _list(b"hdrl", _chunk(b"avih", header) + _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", _INFO)))
        + _list(b"movi", frames)
        + _chunk(b"idx1", b"".join(places)),
    )


def _pixels(number: int) -> bytes:
    """Rows from the bottom up, blue green red; WIDTH is a multiple of 4, so rows need no padding."""
    return b"".join(
        bytes(value for x in range(WIDTH) for value in (x * 255 // WIDTH, y * 255 // HEIGHT, 60 + 40 * number))
        for y in range(HEIGHT)
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)
