"""A file that is whole by its structure is not decoded by the service; one that may not be is decoded, as before."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from service.errors import UnreadableMedia
from service.sandbox.decoders import pictures
from service.sandbox.decoders.picture_header import read_header
from service.sandbox.decoders.picture_probe import probe
from service.sandbox.decoders.structure import is_whole
from service.sandbox.media import CONVERTED_NAME, MediaLimits, picture_probe, picture_question
from service.sandbox.preparation import prepare
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)


def is_whole_file(data: bytes) -> bool:
    return is_whole(data, read_header(data))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp"])
def test_whole_files_are_known_by_their_structure(tmp_path: Path, name: str) -> None:
    data = clips.picture(tmp_path / name, 200, 150).read_bytes()
    assert is_whole_file(data)
    assert not is_whole_file(data[: len(data) * 9 // 10])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_the_one_that_opencv_decodes(tmp_path: Path, orientation: int) -> None:
    path = clips.with_orientation(clips.picture(tmp_path / "a.jpg"), orientation)
    assert is_whole_file(path.read_bytes())
    fields = probe(str(path), LIMITS.max_pixels)
    pixels = cv2.imread(str(path))
    assert pixels is not None
    assert (fields["height"], fields["width"]) == pixels.shape[:2]


def flipped_png(data: bytes) -> bytes:
    place = data.index(b"IDAT") + 40
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def deep_png(_: bytes) -> bytes:
    return cv2.imencode(".png", clips.corner().astype(np.uint16) * 257)[1].tobytes()


def second_header(data: bytes) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return data[:33] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


@pytest.mark.parametrize("change", [flipped_png, deep_png, second_header])
def test_an_unusual_png_is_decoded(tmp_path: Path, change) -> None:
    assert not is_whole_file(change(clips.picture(tmp_path / "a.png", 100, 100).read_bytes()))


def many_scans(data: bytes) -> bytes:
    scan = data.index(b"\xff\xda")
    return data[:-2] + data[scan:-2] * 40 + b"\xff\xd9"


def arithmetic(data: bytes) -> bytes:
    return data.replace(b"\xff\xc0", b"\xff\xc9", 1)


def turned_by_xmp_alone(data: bytes) -> bytes:
    text = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(text) + 2) + text + data[2:]


@pytest.mark.parametrize("change", [many_scans, arithmetic, turned_by_xmp_alone])
def test_an_unusual_jpeg_is_decoded(tmp_path: Path, change) -> None:
    assert not is_whole_file(change(clips.picture(tmp_path / "a.jpg", 100, 100).read_bytes()))


def test_a_bmp_with_fewer_rows_than_it_says_is_decoded_and_refused(tmp_path: Path) -> None:
    path = clips.picture(tmp_path / "a.bmp", 100, 100)
    path.write_bytes(path.read_bytes()[:-300])
    assert not is_whole_file(path.read_bytes())
    with pytest.raises(UnreadableMedia):
        probe(str(path), LIMITS.max_pixels)


@pytest.mark.parametrize("name", ["a.webp", "a.tiff"])
def test_one_look_also_converts_a_picture_for_the_engine(tmp_path: Path, name: str) -> None:
    """The child's PNG is the one that is prepared, and the same as a conversion by itself makes."""
    path = clips.picture(tmp_path / name)
    question = picture_question(path, tmp_path, LIMITS)
    del question["do"]
    found = picture_probe(probe(**question))
    by_itself = tmp_path / "by itself.png"
    pictures.convert(str(path), str(by_itself), LIMITS.max_pixels)
    prepared = prepare(path, found, tmp_path, LIMITS)
    assert prepared.path.read_bytes() == by_itself.read_bytes()
    assert not (tmp_path / CONVERTED_NAME).exists()
    assert prepared.steps
