"""A copy of a video for the engine: upright, of constant frame rate and even sides, without sound.

OpenFace reads rotation flags in some builds and not in others, and takes every frame rate for constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import av.filter
from av.container import OutputContainer
from av.video.frame import VideoFrame

from service.errors import MediaTooLarge
from service.sandbox.decoders.videos import frames, opened, turn

THREADS = 2
VISUALLY_LOSSLESS = {"crf": "12", "preset": "veryfast"}


def rewrite(path: str, into: str, rate: str, resample: bool, max_duration_s: float) -> dict[str, Any]:
    """Write the copy as H.264 in MP4.

    Args:
        rate: frames a second, as a fraction.
        resample: whether frames are dropped and repeated to keep to it; otherwise every frame is kept.

    Raises:
        UnreadableMedia: nothing can be decoded.
        MediaTooLarge: its clock runs on for longer than `max_duration_s`.
    """
    clock = Fraction(rate)
    sampler = _Sampler(clock, most=int(max_duration_s * clock) + 1)
    with opened(path) as (container, stream):
        stream.codec_context.thread_count = THREADS
        shown = upright(frames(container, stream))
        with av.open(f"file:{into}", "w", format="mp4") as copy:
            written = _encode(copy, sampler.sample(shown) if resample else shown, clock)
    return {"frames": written, "repeated": sampler.repeated, "dropped": sampler.dropped}


class _Sampler:
    """Frames of uneven distances in, one frame for each tick of a constant clock out."""

    def __init__(self, clock: Fraction, most: int) -> None:
        self._clock = float(clock)
        self._most = most
        self.repeated = 0
        self.dropped = 0

    def sample(self, given: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Each frame at the tick nearest to its time; gaps show the frame before them."""
        start, last_tick, held = 0.0, -1, None
        for frame in given:
            if held is None:
                start = frame.time
            tick = round((frame.time - start) * self._clock)
            if tick > self._most:
                raise MediaTooLarge("the video's clock runs on for longer than is allowed")
            if tick <= last_tick:
                self.dropped += 1
                continue
            if held is not None:
                for _ in range(tick - last_tick - 1):
                    self.repeated += 1
                    yield held
            yield frame
            last_tick, held = tick, frame


def upright(given: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Turn, pad to even sides (H.264 asks for them) and unify the pixel format; one frame out for each in."""
    graph: av.filter.Graph | None = None
    first: VideoFrame | None = None
    for frame in given:
        if graph is None or first is None:
            graph, first = _graph(frame), frame
        # The size may change in mid-stream; the first frame's is kept.
        graph.vpush(frame.reformat(first.width, first.height, first.format.name))
        try:
            while True:
                yield graph.vpull()
        except av.error.BlockingIOError:
            continue


def _graph(frame: VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    node = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    steps = (
        *turn(frame).filters,
        ("pad", "ceil(iw/2)*2:ceil(ih/2)*2"),
        ("format", "yuv420p"),
        ("buffersink", None),
    )
    for name, argument in steps:
        following = graph.add(name, argument)
        node.link_to(following)
        node = following
    graph.configure()
    return graph


def _encode(copy: OutputContainer, given: Iterable[VideoFrame], clock: Fraction) -> int:
    """Write frames with one tick between them; returns how many."""
    stream = None
    written = 0
    for frame in given:
        if stream is None:
            stream = copy.add_stream("libx264", rate=clock, options=VISUALLY_LOSSLESS)
            stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            stream.codec_context.thread_count = THREADS
        frame.time_base = 1 / clock
        frame.pts = written
        frame.pict_type = 0
        copy.mux(stream.encode(frame))
        written += 1
    if stream is not None:
        copy.mux(stream.encode())
    return written
