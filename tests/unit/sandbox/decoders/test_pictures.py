"""Pictures as people really upload them: converted where engines would not read them, refused where they lie."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.sandbox.media import MediaLimits, probe
from service.sandbox.preparation import Prepared, prepare
from service.sandbox.process import ChildLimits, run_child
from tests.fixtures import clips
from tests.fixtures.heic_made import grid

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)


def made(path: Path, limits: MediaLimits = LIMITS) -> Prepared:
    room = path.parent / f"room of {path.name}"
    room.mkdir()
    return prepare(path, probe(path, "image", room, limits), room, limits)


def stored(path: Path) -> np.ndarray:
    """As every reader sees it: orientation flags are not applied."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert pixels is not None
    return pixels


def written(path: Path, orientation: int = 1) -> Path:
    """The red corner in the format of the suffix."""
    pillow_heif.register_heif_opener()
    picture = Image.fromarray(clips.corner()[:, :, ::-1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    # As bytes: HEIF has a property of its own for it, which its writer makes of them.
    picture.save(path, **({} if path.suffix == ".gif" else {"exif": exif.tobytes()}))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "step"),
    [
        ("a.HEIC", "heic", "converted from HEIC to PNG"),
        ("a.heif", "heic", "converted from HEIC to PNG"),
        ("a.avif", "avif", "converted from AVIF to PNG"),
        ("a.tiff", "tiff", "converted from TIFF to PNG"),
        ("a.gif", "gif", "converted from GIF (its first frame) to PNG"),
    ],
)
def test_other_formats_are_shown_to_engines_as_png(tmp_path: Path, name: str, kind: str, step: str) -> None:
    result = made(written(tmp_path / name))
    assert (result.probe.format, result.probe.width, result.probe.height) == (kind, 64, 48)
    assert result.steps == (step,)
    assert result.path.suffix == ".png"
    assert np.abs(stored(result.path).astype(int) - clips.corner()).mean() < 4


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.tiff"])
def test_other_formats_are_turned_upright(tmp_path: Path, name: str) -> None:
    result = made(written(tmp_path / name, orientation=6))
    assert (result.probe.width, result.probe.height) == (48, 64)
    pixels = stored(result.path)
    assert pixels.shape[:2] == (64, 48)
    # The red corner, stored top left, is top right after a quarter turn.
    assert pixels[8, 40, 2] > 200 and pixels[8, 8, 2] < 60


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.tiff", "a.gif", "a.webp", "a.png", "a.jpg"])
def test_a_pixel_limit_holds_for_every_format(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    with pytest.raises(MediaTooLarge, match=r"64 .* 48 pixels"):
        made(path, replace(LIMITS, max_pixels=3000))


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.tiff", "a.gif"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_other_formats_cut_short_are_unreadable(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    pillow_heif.register_heif_opener()
    Image.fromarray(noise).save(tmp_path / f"whole {name}")
    with pytest.raises(UnreadableMedia):
        made(clips.cut(tmp_path / f"whole {name}", tmp_path / name, share))


def test_a_jpeg_without_its_end_marker_is_measured_as_the_whole_one(tmp_path: Path) -> None:
    whole = clips.picture(tmp_path / "a.jpg", 200, 150)
    assert whole.read_bytes().endswith(b"\xff\xd9")
    path = tmp_path / "b.jpg"
    path.write_bytes(whole.read_bytes()[:-2])
    result = made(path)
    assert result.steps == ("given the end marker that it lacks",)
    assert result.path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
def test_a_jpeg_that_ends_too_early_is_refused(tmp_path: Path, share: float, progressive: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.jpg"), noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    with pytest.raises(UnreadableMedia, match="cut short"):
        made(clips.cut(tmp_path / "a.jpg", tmp_path / "b.jpg", share))


@pytest.mark.parametrize("bits", [10, 12])
def test_values_of_few_bits_are_scaled(tmp_path: Path, bits: int) -> None:
    grey = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), grey.astype(np.uint16) << (bits - 8))
    result = made(path)
    assert result.steps == (f"scaled from values of {bits} bits",)
    assert np.array_equal(stored(result.path)[:, :, 0], grey)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_grey_tiff_of_few_bits_is_scaled_and_says_so(tmp_path: Path, bits: int, orientation: int) -> None:
    grey = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.tiff"
    Image.fromarray(grey.astype(np.uint16) << (bits - 8)).save(path, exif=exif)
    result = made(path)
    assert result.steps[:2] == ("converted from TIFF to PNG", f"scaled from values of {bits} bits")
    # A quarter turn clockwise brings the left column to the top, from its lower end on.
    expected = grey if orientation == 1 else np.rot90(grey, -1)
    assert np.array_equal(stored(result.path)[:, :, 0], expected)


def test_a_grey_tiff_of_all_16_bits_keeps_its_upper_ones(tmp_path: Path) -> None:
    grey = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    path = tmp_path / "a.tiff"
    Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    result = made(path)
    assert result.steps == ("converted from TIFF to PNG",)
    assert np.array_equal(stored(result.path)[:, :, 0], grey)


def test_a_colour_tiff_that_would_come_out_black_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    assert cv2.imwrite(str(path), clips.corner().astype(np.uint16) << 4)
    with pytest.raises(UnsupportedMedia, match="16 bits have 14 or fewer"):
        made(path)
    assert cv2.imwrite(str(tmp_path / "b.tiff"), clips.corner().astype(np.uint16) * 257)
    assert stored(made(tmp_path / "b.tiff").path)[8, 8].tolist() == [0, 0, 255]


def test_values_of_all_16_bits_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), clips.corner().astype(np.uint16) * 257)
    assert made(path).steps == ()


def test_a_picture_of_108_megapixels_is_reduced_for_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert cv2.imwrite(str(path), clips.corner(12_000, 9_000))
    result = made(path, replace(LIMITS, max_pixels=250_000_000))
    assert (result.probe.width, result.probe.height) == (6_000, 4_500)
    assert result.steps[0].startswith("reduced to 1/2 of its width and height, 6000 ")
    assert stored(result.path).shape == (4_500, 6_000, 3)


def test_a_second_picture_of_a_tiff_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    first, second = Image.fromarray(clips.corner()[:, :, ::-1]), Image.new("L", (3_000, 3_000))
    first.save(path, save_all=True, append_images=[second])
    result = made(path)
    assert (result.probe.width, result.probe.height) == (64, 48)


def test_a_gif_frame_larger_than_its_screen_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.new("P", (800, 600)).save(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<HH", data, 6, 8, 8)
    path.write_bytes(data)
    with pytest.raises(MediaTooLarge, match=r"800 .* 600"):
        made(path, replace(LIMITS, max_pixels=100_000))


def test_a_heic_grid_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(grid(rows=2, columns=2, grid_size=(1000, 900), stated_size=(1000, 900)))
    result = made(path)
    assert (result.probe.width, result.probe.height) == (1000, 900)
    assert stored(result.path).mean() == 120


@pytest.mark.parametrize(("tiles", "size"), [(15, 7680), (1, 20_000)])
def test_a_heic_grid_that_says_less_than_it_has_is_refused_in_little_memory(
    tmp_path: Path, tiles: int, size: int
) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(grid(rows=tiles, columns=tiles, grid_size=(size, size), stated_size=(64, 64)))
    with pytest.raises(UnreadableMedia, match="cannot be decoded"):
        made(path, replace(LIMITS, memory_bytes=1 << 30))


def test_floating_point_tiff_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(np.zeros((48, 64), np.float32)).save(path)
    with pytest.raises(UnsupportedMedia, match="floating-point"):
        made(path)


def test_opencv_decodes_nothing_over_the_limit_in_any_child(tmp_path: Path) -> None:
    # A picture of 272 million pixels in few bytes, and a child that asks OpenCV for it without a look at its header.
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), np.zeros((16_500, 16_500), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    code = f"import cv2; cv2.imread({str(path)!r})"
    limits = ChildLimits(time_s=60, memory_bytes=4 << 30, file_bytes=1 << 20)
    finished = run_child([sys.executable, "-c", code], cwd=tmp_path, log_dir=tmp_path, limits=limits)
    assert finished.returncode == 1
    assert "CV_IO_MAX_IMAGE_PIXELS" in finished.stderr.read_text()
