"""Whole small media of every format that is taken, a face in most: what the hostile ones are broken from."""

from __future__ import annotations

import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from tests.conftest import ASTRONAUT
from tests.fixtures import clips

PICTURES = ("jpg", "png", "bmp", "webp")
CODECS = {
    "mp4": "libx264",
    "mov": "libx264",
    "m4v": "mpeg4",
    "mkv": "libx264",
    "webm": "libvpx",
    "avi": "mpeg4",
    "mpg": "mpeg2video",
    "mpeg": "mpeg2video",
    "wmv": "wmv2",
}
"""Each extension of videos, and what its file holds."""
VIDEOS = tuple(CODECS)


@cache
def face(side: int = 128) -> np.ndarray:
    """The face of the portrait, (side, side, 3) uint8 BGR."""
    portrait = cv2.imread(str(ASTRONAUT))
    assert portrait is not None
    return np.asarray(cv2.resize(portrait[:300, 70:370], (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def encoded(extension: str, pixels: np.ndarray, *parameters: int) -> bytes:
    done, data = cv2.imencode(f".{extension}", pixels, list(parameters))
    assert done
    return data.tobytes()


@cache
def picture(extension: str = "jpg") -> bytes:
    return encoded(extension, face())


@cache
def video(extension: str = "mp4", frames: int = 8, width: int = 96, height: int = 96, rate: int = 25) -> bytes:
    """A clip of one colour; see `clips.clip`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{extension}"
        return clips.clip(path, frames, width, height, CODECS[extension], rate=rate).read_bytes()


@cache
def transport_stream(width: int = 96) -> bytes:
    """MPEG-TS, as playlists name it."""
    with tempfile.TemporaryDirectory() as folder:
        return clips.clip(Path(folder) / "clip.ts", 12, width, 96, "mpeg2video").read_bytes()


@cache
def sound(extension: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return clips.sound(Path(folder) / f"sound.{extension}").read_bytes()


def png(width: int, height: int, depth: int = 1, colour: int = 0, data: bytes | None = None, *extra: bytes) -> bytes:
    """A PNG of zeros with a right header, whatever it says; `data` goes for the compressed pixels."""
    if data is None:
        data = _zeros(height * (1 + (width * depth * (3 if colour == 2 else 1) + 7) // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [png_chunk(b"IHDR", header), *extra, png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    )


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@cache
def _zeros(count: int) -> bytes:
    """Compress `count` zeros."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(min(1 << 20, count - at))) for at in range(0, count, 1 << 20)]
    return b"".join(pieces) + packer.flush()


def bomb(count: int) -> bytes:
    """Make a zlib stream that becomes `count` zeros."""
    return _zeros(count)


def flat_jpeg(width: int, height: int, components: int, scans: int = 1) -> bytes:
    """A JPEG of one colour, written bit by bit: two bits a block, so that a large one is small.

    More than one scan makes it a progressive one (ITU-T T.81, G.1.1) that a decoder walks through again and again.
    """
    table = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    parts = b"".join(bytes([number + 1, 0x11, 0]) for number in range(components))
    frame = struct.pack(">BHHB", 8, height, width, components) + parts
    huffman = b"".join(b"\xff\xc4" + struct.pack(">H", 20) + bytes([kind, 1]) + bytes(16) for kind in (0x00, 0x10))
    start = b"\xff\xd8" + _adobe(components) + table + b"\xff" + (b"\xc2" if scans > 1 else b"\xc0")
    blocks = -(-width // 8) * -(-height // 8)
    bits = blocks * components * (1 if scans > 1 else 2)
    first = _scan(components, 0, 0 if scans > 1 else 63, 0, bits)
    refinements = b"".join(_scan(components, 0, 0, 0x10, blocks * components) for _ in range(scans - 1))
    return start + struct.pack(">H", len(frame) + 2) + frame + huffman + first + refinements + b"\xff\xd9"


def _adobe(components: int) -> bytes:
    """Four components are CMYK."""
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" if components == 4 else b""


def _scan(components: int, first: int, last: int, bits_done: int, bits: int) -> bytes:
    parts = b"".join(bytes([number + 1, 0]) for number in range(components))
    body = bytes([components]) + parts + bytes([first, last, bits_done])
    return b"\xff\xda" + struct.pack(">H", len(body) + 2) + body + bytes((bits + 7) // 8)
