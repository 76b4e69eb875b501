"""Media is upright and of one shape before the engine sees it, and untouched where it already is."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from service.sandbox.media import MediaLimits, probe
from service.sandbox.preparation import Prepared, prepare
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)


def made(path: Path, media: str, duration_s: float = 60) -> Prepared:
    room = path.parent / "room"
    room.mkdir()
    limits = replace(LIMITS, max_duration_s=duration_s)
    return prepare(path, probe(path, media, room, limits), room, limits)


def first_frame(path: Path) -> np.ndarray:
    """As stored: rotation flags are not applied."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24")


def red_quarter(picture: np.ndarray) -> tuple[str, str]:
    """Where the red corner is."""
    height, width = picture.shape[:2]
    corners = {
        ("top", "left"): picture[4, 4],
        ("top", "right"): picture[4, width - 5],
        ("bottom", "left"): picture[height - 5, 4],
        ("bottom", "right"): picture[height - 5, width - 5],
    }
    (found,) = [place for place, (_, _, red) in corners.items() if red > 200]
    return found


@pytest.mark.parametrize(
    ("name", "media", "safe"),
    [("o dd;name.JPEG", "image", "media.jpg"), ("-f.mov", "video", "media.mp4")],
)
def test_what_is_fine_only_gets_a_safe_name(tmp_path, name, media, safe):
    make = clips.picture if media == "image" else clips.clip
    path = make(tmp_path / f"a{Path(name).suffix}").rename(tmp_path / name)
    before = path.read_bytes()
    result = made(path, media)
    assert result.path.name == safe
    assert not result.path.is_symlink()
    assert result.path.read_bytes() == before == path.read_bytes()
    assert result.steps == ()
    assert result.frames_decoded == (None if media == "image" else 20)
    assert result.frames_expected == (1 if media == "image" else 20)


def test_webp_becomes_png(tmp_path):
    result = made(clips.picture(tmp_path / "a.webp"), "image")
    assert result.path.suffix == ".png"
    assert result.steps == ("converted from WebP to PNG",)
    assert red_quarter(cv2.imread(str(result.path))) == ("top", "left")


@pytest.mark.parametrize(("orientation", "corner"), [(6, ("top", "right")), (3, ("bottom", "right"))])
def test_a_turned_png_becomes_upright(tmp_path, orientation, corner):
    # Older OpenCVs turn JPEGs, but no PNGs.
    result = made(clips.with_png_orientation(clips.picture(tmp_path / "a.png"), orientation), "image")
    assert result.steps == ("turned upright",)
    assert red_quarter(cv2.imread(str(result.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)) == corner


def test_the_engines_reader_turns_jpegs_by_itself(tmp_path):
    result = made(clips.with_orientation(clips.picture(tmp_path / "a.jpg"), 6), "image")
    assert result.steps == ()
    assert red_quarter(cv2.imread(str(result.path))) == ("top", "right")


@pytest.mark.parametrize(
    ("matrix", "size", "corner", "step"),
    [
        (clips.QUARTER_CLOCKWISE, (64, 48), ("top", "right"), "rotated 90° upright"),
        (clips.HALF, (48, 64), ("bottom", "right"), "rotated 180° upright"),
        (clips.QUARTER_BACK, (64, 48), ("bottom", "left"), "rotated 270° upright"),
        (clips.MIRRORED, (48, 64), ("top", "right"), "mirrored, as its display matrix says"),
    ],
)
def test_a_turned_clip_becomes_upright_and_stays_so(tmp_path, matrix, size, corner, step):
    path = clips.turned(clips.clip(tmp_path / "a.mp4"), tmp_path / "b.mp4", matrix)
    result = made(path, "video")
    stored = first_frame(result.path)
    assert stored.shape[:2] == size
    assert red_quarter(stored) == corner
    assert result.steps == (step,)
    assert (result.frames_expected, result.frames_decoded) == (20, 20)
    again = probe(result.path, "video", tmp_path, LIMITS)
    assert (again.rotation, again.mirrored, again.variable_frame_rate) == (0, False, False)
    assert (again.frames, again.frame_rate) == (20, 25)


def test_odd_sides_are_padded(tmp_path):
    path = clips.clip(tmp_path / "a.avi", width=63, height=47, codec="mpeg4")
    (tmp_path / "mkv").mkdir()
    result = made(path, "video")
    assert result.steps == ()
    turned = clips.turned(clips.clip(tmp_path / "b.mp4", width=34, height=18), tmp_path / "mkv" / "b.mp4", clips.HALF)
    assert first_frame(made(turned, "video").path).shape[:2] == (18, 34)


def test_a_turned_clip_that_is_cut_short_is_still_held_to_its_promise(tmp_path):
    whole = clips.clip(tmp_path / "a.mp4", frames=100, movflags="faststart")
    turned = clips.turned(whole, tmp_path / "b.mp4", clips.QUARTER_CLOCKWISE)
    result = made(clips.cut(turned, tmp_path / "c.mp4", 0.7), "video")
    assert result.frames_expected == 100
    assert result.frames_decoded < 100


def test_waiting_is_told_and_can_stop_it(tmp_path):
    path = clips.turned(clips.clip(tmp_path / "a.mp4"), tmp_path / "b.mp4", clips.HALF)
    found = probe(path, "video", tmp_path, LIMITS)

    def stop() -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError):
        prepare(path, found, tmp_path, LIMITS, stop)
