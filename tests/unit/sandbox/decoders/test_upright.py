"""Frames brought to one size: bars and no squeezing, even sides, and regions exact to the pixel."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from service.errors import OptionDoesNotFit
from service.jobs.part import Region
from service.sandbox.decoders.upright import upright, upright_size


def frame(width: int, height: int, bright: tuple[slice, slice] | None = None) -> VideoFrame:
    """A black frame, with a white part."""
    pixels = np.zeros((height, width, 3), np.uint8)
    if bright:
        pixels[bright] = 255
    made = av.VideoFrame.from_ndarray(pixels, "rgb24")
    made.pts, made.time_base = 0, Fraction(1, 25)
    return made


def brightness(given: VideoFrame) -> np.ndarray:
    return given.to_ndarray(format="gray")


def test_a_frame_that_fits_keeps_its_size() -> None:
    [made] = upright([frame(64, 48)])
    assert (made.width, made.height, made.format.name) == (64, 48, "yuv420p")


def test_odd_sides_grow_by_one() -> None:
    [made] = upright([frame(63, 47)])
    assert (made.width, made.height) == (64, 48)


def test_a_smaller_frame_is_scaled_to_fit_between_bars() -> None:
    whole = (slice(None), slice(None))
    [made] = upright([frame(32, 32, whole)], canvas=(128, 64))
    light = brightness(made)
    # 32 by 32 fits twice as large: 64 columns in the middle of 128.
    assert light.shape == (64, 128)
    assert light[:, 36:92].min() > 200
    assert light[:, :28].max() < 60 and light[:, 100:].max() < 60


def test_pixels_that_are_wide_become_square() -> None:
    assert upright_size(frame(48, 36), Fraction(4, 3)) == (64, 36)
    [made] = upright([frame(48, 36)], Fraction(4, 3))
    assert (made.width, made.height) == (64, 36)


@pytest.mark.parametrize(("x", "y"), [(8, 8), (9, 8), (8, 9), (9, 9)])
def test_a_region_begins_at_its_very_pixel(x: int, y: int) -> None:
    # White from the region's corner on, so that one pixel too early would be black.
    [made] = upright([frame(64, 48, (slice(y, None), slice(x, None)))], region=Region(x, y, 20, 18))
    light = brightness(made)
    assert light.shape == (18, 20)
    assert light.min() > 200


def test_a_region_of_odd_sides_is_padded_at_its_end_alone() -> None:
    [made] = upright([frame(64, 48, (slice(None), slice(None)))], region=Region(1, 1, 17, 17))
    light = brightness(made)
    assert light.shape == (18, 18)
    assert light[:17, :17].min() > 200


def test_a_region_beyond_the_canvas_is_refused() -> None:
    with pytest.raises(OptionDoesNotFit):
        list(upright([frame(64, 48)], region=Region(48, 0, 17, 16)))
    assert len(list(upright([frame(64, 48)], region=Region(48, 0, 16, 16)))) == 1


def test_frames_of_changing_size_share_the_first_ones() -> None:
    sizes = [(made.width, made.height) for made in upright([frame(64, 48), frame(128, 96), frame(64, 48)])]
    assert sizes == [(64, 48)] * 3
