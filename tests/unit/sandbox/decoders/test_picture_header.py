"""Headers of pictures: what a file says of itself before anything is decoded, and what is refused for it."""

from __future__ import annotations

import io
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.media import MediaLimits, probe
from service.sandbox.preparation import Prepared, prepare
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)


def made(path: Path, limits: MediaLimits = LIMITS) -> Prepared:
    room = path.parent / f"room of {path.name}"
    room.mkdir()
    return prepare(path, probe(path, "image", room, limits), room, limits)


def start_of_frame(width: int, height: int) -> bytes:
    return b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"


TABLES = (
    b"\xff\xdb\x00\x43\x00" + b"\x01" * 64 + b"\xff\xc4\x00\x14\x00\x01" + b"\x00" * 16 + b"\xff\xc4\x00\x14\x10\x01"
).ljust(0)

SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00" * 32


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + TABLES + start_of_frame(20_000, 20_000) + SCAN + start_of_frame(8, 8) + b"\xff\xd9",
        b"\xff\xd8" + TABLES + start_of_frame(20_000, 20_000) + start_of_frame(8, 8) + SCAN + b"\xff\xd9",
        b"\xff\xd8" + TABLES + start_of_frame(8, 8) + SCAN + start_of_frame(20_000, 20_000) + SCAN + b"\xff\xd9",
        b"\xff\xd8\xff\x00\x7f\xff" + TABLES + start_of_frame(20_000, 20_000) + SCAN + start_of_frame(8, 8) + SCAN,
        b"\xff\xd8\xff\xe0\x00\x02\x00" + start_of_frame(20_000, 20_000) + SCAN + b"\xff\xd9",
    ],
    ids=["after the scan", "before the scan", "a second picture", "behind FF 00", "behind a stray byte"],
)
def test_a_jpeg_with_several_sizes_is_refused_before_it_is_decoded(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    began = time.monotonic()
    # Decoding 400 million pixels takes more memory than this.
    with pytest.raises((UnreadableMedia, MediaTooLarge)):
        made(path, replace(LIMITS, memory_bytes=1 << 30))
    assert time.monotonic() - began < 20


def test_a_png_whose_chunks_disagree_is_refused(tmp_path: Path) -> None:
    path = clips.picture(tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    second = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + second + struct.pack(">I", zlib.crc32(second))
    path.write_bytes(bytes(data[:33]) + chunk + bytes(data[33:]))
    with pytest.raises((UnreadableMedia, MediaTooLarge)):
        made(path)


def test_a_webp_whose_chunks_disagree_is_refused(tmp_path: Path) -> None:
    large, small = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (800, 600)).save(large, "WEBP")
    Image.new("RGB", (64, 48)).save(small, "WEBP")
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    body += large.getvalue()[12:]
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    with pytest.raises((UnreadableMedia, MediaTooLarge)):
        made(path, replace(LIMITS, max_pixels=100_000))
