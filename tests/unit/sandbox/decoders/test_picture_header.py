"""Headers of pictures: what a file says of itself before anything is decoded, and what is refused for it."""

from __future__ import annotations

import io
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.sandbox.decoders.picture_header import (
    EXIF_BLOCK,
    FOCAL_LENGTH_35MM,
    Header,
    check_pixels,
    read_header,
    read_still_header,
    reduction,
)
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


def jpeg(tmp_path: Path, orientation: int = 1) -> bytes:
    return clips.with_orientation(clips.picture(tmp_path / "a.jpg"), orientation).read_bytes()


@pytest.mark.parametrize(("orientation", "read"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (65535, 1)])
def test_an_orientation_that_is_none_is_upright(tmp_path: Path, orientation: int, read: int) -> None:
    header = read_header(jpeg(tmp_path, orientation))
    # The size is as stored.
    assert (header.orientation, header.width, header.height) == (read, 64, 48)


@pytest.mark.parametrize(
    ("sides", "by"),
    [((8000, 8000), 1), ((8001, 8000), 2), ((16_000, 16_000), 2), ((16_001, 16_000), 4), ((90_000, 90_000), 4)],
)
def test_a_picture_is_halved_until_engines_can_hold_it(sides: tuple[int, int], by: int) -> None:
    assert reduction(Header("jpeg", *sides, 1)) == by


def test_a_pixel_limit_is_reached_and_not_passed() -> None:
    check_pixels(Header("png", 100, 100, 1), 10_000)
    with pytest.raises(MediaTooLarge, match=r"101 . 100 pixels; the limit is 0.01 million"):
        check_pixels(Header("png", 101, 100, 1), 10_000)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", UnreadableMedia, "empty"),
        (b"%PDF-1.7", UnsupportedMedia, "PDF is not taken"),
        (b"8BPS\0\1", UnsupportedMedia, "Photoshop is not taken"),
        (b"\xff\xd8\xff", UnreadableMedia, "damaged|cut short"),
        (b"\x89PNG\r\n\x1a\n", UnreadableMedia, "damaged|cut short"),
        (b"MZ\x90\0", UnreadableMedia, "not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_header(data)


def test_an_animation_is_no_picture_that_is_answered_at_once(tmp_path: Path) -> None:
    Image.new("P", (8, 8)).save(tmp_path / "a.gif")
    data = (tmp_path / "a.gif").read_bytes()
    assert read_header(data).format == "gif"
    with pytest.raises(UnsupportedMedia, match="GIF is not taken here"):
        read_still_header(data)


def test_only_a_png_of_16_bits_is_deep(tmp_path: Path) -> None:
    for name, kind, is_deep in (("a.png", np.uint16, True), ("b.png", np.uint8, False)):
        assert cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), kind))
        assert read_header((tmp_path / name).read_bytes()).is_deep is is_deep


@pytest.mark.parametrize(("length", "read"), [(28, 28.0), (0, None), (10_001, None)])
def test_a_focal_length_of_no_lens_is_unknown(tmp_path: Path, length: int, read: float | None) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF_BLOCK)[FOCAL_LENGTH_35MM] = length
    Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_header((tmp_path / "a.jpg").read_bytes()).focal_length_35mm == read
