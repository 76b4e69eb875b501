"""A decoded video frame as a picture, of which no more is turned to colours than is looked at.

A tracked face fills a part of the frame; turning all of a 1080p frame to BGR costs a fifth of its analysis.
"""

from functools import cache, cached_property
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame

from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut
from openface_lite.pictures import Picture

# 8-bit formats with a chroma sample for each two by two pixels, and whether their luma fills 0 to 255.
_FORMATS: Final = {"yuv420p": False, "yuvj420p": True}
# Kr and Kb by FFmpeg's number of a colour space (libavutil/pixfmt.h); others count as BT.601, as in libswscale.
_WEIGHTS: Final = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT_601: Final = (0.299, 0.114)
_FULL_RANGE: Final = 2
_NEUTRAL_CHROMA: Final = 128


class FramePicture(Picture):
    """One frame, upright."""

    def __init__(self, frame: VideoFrame) -> None:
        self._frame = frame
        self._quarter_turns = round(frame.rotation / 90) % 4
        across, down = (frame.width, frame.height) if self._quarter_turns % 2 == 0 else (frame.height, frame.width)
        self.width, self.height = across, down

    @cached_property
    def pixels(self) -> Image:
        """(height, width, 3) uint8 BGR."""
        pixels = self._frame.to_ndarray(format="bgr24")
        return np.ascontiguousarray(np.rot90(pixels, self._quarter_turns), dtype=np.uint8)

    @property
    def is_reduced(self) -> bool:
        """Never: frames are analysed in their own size."""
        return False

    def rgb(self, region: Region, side: int) -> Image:
        """A region as (side, side, 3) uint8 RGB, turned to colours after it is cut out."""
        if "pixels" in self.__dict__ or self._quarter_turns or self._frame.format.name not in _FORMATS:
            return super().rgb(region, side)
        part, left, top = self._surroundings(region)
        if not part.size:
            return super().rgb(region, side)
        matrix, black = _to_rgb(int(self._frame.colorspace), self._is_full_range)
        shifted = Region(region.center_x - left, region.center_y - top, region.size, region.angle)
        patch = cut(part, shifted, side, outside=(black, _NEUTRAL_CHROMA, _NEUTRAL_CHROMA))
        return np.asarray(cv2.transform(patch, matrix), dtype=np.uint8)

    @property
    def _is_full_range(self) -> bool:
        return _FORMATS[self._frame.format.name] or int(self._frame.color_range) == _FULL_RANGE

    def _surroundings(self, region: Region) -> tuple[Image, int, int]:
        """The upright square around the region as (height, width, 3) YUV, and its left and top in the frame."""
        reach = region.reach + 2
        left, right = (int(np.clip(region.center_x + side, 0, self.width)) for side in (-reach, reach + 1))
        top, bottom = (int(np.clip(region.center_y + side, 0, self.height)) for side in (-reach, reach + 1))
        # Chroma samples lie under two by two pixels.
        left, top = left // 2 * 2, top // 2 * 2
        if right <= left or bottom <= top:
            return np.empty((0, 0, 3), np.uint8), left, top
        luma = self._plane(0)[top:bottom, left:right]
        half = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
        chroma = [self._doubled(self._plane(number)[half])[: bottom - top, : right - left] for number in (1, 2)]
        return np.asarray(cv2.merge([luma, *chroma]), dtype=np.uint8), left, top

    def _plane(self, number: int) -> Image:
        plane = self._frame.planes[number]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return np.asarray(rows[: plane.height, : plane.width])

    @staticmethod
    def _doubled(chroma: Image) -> Image:
        height, width = chroma.shape
        return np.asarray(cv2.resize(chroma, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


@cache
def _to_rgb(colorspace: int, is_full_range: bool) -> tuple[Array, int]:
    """The matrix (3, 4) from YUV to RGB of 0 to 255, and the luma of black (ITU-T H.273, 8.3)."""
    red, blue = _WEIGHTS.get(colorspace, _BT_601)
    green = 1 - red - blue
    black, luma, chroma = (0, 1.0, 1.0) if is_full_range else (16, 255 / 219, 255 / 224)
    from_cb = np.array([0, -2 * (1 - blue) * blue / green, 2 * (1 - blue)]) * chroma
    from_cr = np.array([2 * (1 - red), -2 * (1 - red) * red / green, 0]) * chroma
    shift = -luma * black - _NEUTRAL_CHROMA * (from_cb + from_cr)
    return np.column_stack([np.full(3, luma), from_cb, from_cr, shift]), black
