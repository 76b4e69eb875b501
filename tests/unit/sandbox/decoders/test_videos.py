"""Videos by their tracks and frames: orientation, aspect, playlists and limits, worked out by hand."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from av.sidedata.sidedata import Type as SideData

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.sandbox.decoders.videos import (
    check_duration,
    check_size,
    orientation,
    refuse_manifest,
    sample_aspect,
    squared,
)

ONE = 1 << 16


def turned(a: int, b: int, c: int, d: int) -> tuple[int, bool]:
    """Rotation and mirroring of a display matrix: x' = a x + c y, y' = b x + d y."""
    matrix = struct.pack("=9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    frame: Any = SimpleNamespace(side_data={SideData.DISPLAYMATRIX: matrix})
    found = orientation(frame)
    return found.rotation, found.mirrored


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), (0, False)),
        ((0, 1, -1, 0), (90, False)),
        ((-1, 0, 0, -1), (180, False)),
        ((0, -1, 1, 0), (270, False)),
        ((-1, 0, 0, 1), (0, True)),
        ((1, 0, 0, -1), (0, True)),
        ((0, 0, 0, 0), (0, False)),
    ],
)
def test_a_display_matrix_turns_clockwise(matrix: tuple[int, int, int, int], expected: tuple[int, bool]) -> None:
    assert turned(*matrix) == expected


def test_a_frame_without_a_matrix_is_upright() -> None:
    frame: Any = SimpleNamespace(side_data={})
    assert orientation(frame) == (0, False, ())


@pytest.mark.parametrize(
    ("width", "height", "aspect", "size"),
    [
        (720, 576, Fraction(16, 15), (768, 576)),
        (1440, 1080, Fraction(4, 3), (1920, 1080)),
        (64, 48, Fraction(3, 4), (64, 64)),
        (64, 48, Fraction(1), (64, 48)),
    ],
)
def test_pixels_grow_by_their_shorter_side(width: int, height: int, aspect: Fraction, size: tuple[int, int]) -> None:
    assert squared(width, height, aspect) == size


@pytest.mark.parametrize(
    ("claimed", "aspect"),
    [
        (None, 1),
        (Fraction(0), 1),
        (Fraction(5), 5),
        (Fraction(1, 5), Fraction(1, 5)),
        (Fraction(5001, 1000), 1),
        (Fraction(1, 6), 1),
        (Fraction(-1), 1),
    ],
)
def test_a_pixels_shape_that_makes_no_sense_is_square(claimed: Fraction | None, aspect: Fraction) -> None:
    stream: Any = SimpleNamespace(sample_aspect_ratio=claimed)
    assert sample_aspect(stream) == aspect


@pytest.mark.parametrize(
    "text", [b"#EXTM3U\n", b"junk\n#extm3u", b"ffconcat version 1.0\n", b"<?xml?>\n<MPD>", b"v=0\nc=IN IP4 1.1.1.1"]
)
def test_a_playlist_is_refused_wherever_its_mark_stands(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(text)
    with pytest.raises(UnsupportedMedia, match="playlist"):
        refuse_manifest(str(tmp_path / "a.mp4"))


def test_what_comes_after_the_first_zero_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42#EXTM3U")
    refuse_manifest(str(tmp_path / "a.mp4"))


def test_limits_are_reached_and_not_passed() -> None:
    check_size(1000, 1000, 1_000_000)
    check_duration(60.0, 60.0)
    with pytest.raises(MediaTooLarge, match=r"1001 . 1000"):
        check_size(1001, 1000, 1_000_000)
    with pytest.raises(MediaTooLarge, match="61 s"):
        check_duration(60.6, 60.0)
    for width, height in ((0, 10), (10, 0), (-1, 10)):
        with pytest.raises(UnreadableMedia, match="no size"):
            check_size(width, height, 100)
