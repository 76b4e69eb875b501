"""The child's entry: decode a video and write a small upright copy of it, with the presentation times of its frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

import av
from av.video.frame import VideoFrame

from service.errors import MediaTooLarge
from service.sandbox.child_once import serve_once
from service.sandbox.decoders.upright import THREADS, Size, upright, upright_size
from service.sandbox.decoders.videos import frames, opened, sample_aspect

LONGEST_SIDE = 640
"""Of the copy, in pixels: enough to see a face below its overlay."""
MILLISECOND = Fraction(1, 1000)
"""The clock of WebM files."""
KEY_FRAME_EVERY = 30
VP8 = {"deadline": "realtime", "cpu-used": "8", "b": "1200k", "g": str(KEY_FRAME_EVERY)}
"""Free of patents that some builds of browsers do without, and by far the fastest of those that all play."""


def make(path: str, into: str, max_pixels: int) -> dict[str, Any]:
    """Write the copy as WebM. Raises UnreadableMedia, MediaTooLarge."""
    written, last = 0, -1
    with opened(path) as (container, stream), av.open(f"file:{into}", "w", format="webm") as file:
        stream.codec_context.thread_count = THREADS
        track = file.add_stream("libvpx", rate=stream.average_rate or 25, options=VP8)
        track.codec_context.thread_count = THREADS
        track.pix_fmt = "yuv420p"
        for frame, at in _timed(frames(container, stream), sample_aspect(stream), max_pixels):
            if not written:
                track.width, track.height = frame.width, frame.height
                track.codec_context.time_base = MILLISECOND
            last = max(last + 1, at)
            frame.pts, frame.time_base = last, MILLISECOND
            file.mux(track.encode(frame))
            written += 1
        file.mux(track.encode())
    return {"frames": written}


def _timed(given: Iterator[VideoFrame], aspect: Fraction, max_pixels: int) -> Iterator[tuple[VideoFrame, int]]:
    """Yield each frame, upright and small, with its time after the first one in milliseconds."""
    first = next(given)
    if first.width * first.height > max_pixels:
        raise MediaTooLarge(f"the video has frames of {first.width} × {first.height} pixels")
    begins = _seconds(first)
    times: list[int] = []

    def noted(frame: VideoFrame) -> VideoFrame:
        times.append(round(1000 * (_seconds(frame) - begins)))
        return frame

    shown = upright((noted(frame) for frame in chain([first], given)), aspect, _canvas(upright_size(first, aspect)))
    for number, frame in enumerate(shown):
        yield frame, times[number]


def _seconds(frame: VideoFrame) -> float:
    return float((frame.pts or 0) * (frame.time_base or 0))


def _canvas(size: Size) -> Size:
    scale = min(1.0, LONGEST_SIDE / max(size))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    return width, height


if __name__ == "__main__":
    serve_once(make)
