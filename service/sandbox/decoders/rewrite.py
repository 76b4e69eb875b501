"""Decode a whole video for the times of its frames, and copy it where an engine would read it otherwise.

The copy is H.264 in MP4 of constant rate, upright, with square pixels and of one size, without sound. It holds every
frame that can be decoded, once. OpenFace's readers differ in what they make of flags, damage and several tracks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame

from service.errors import MediaTooLarge
from service.sandbox.decoders.clock import read_clock
from service.sandbox.decoders.upright import THREADS, Size, upright, upright_size
from service.sandbox.decoders.video_probe import MICROSECOND, MOST_FRAMES_A_SECOND, timing
from service.sandbox.decoders.videos import check_duration, check_size, frames, opened, sample_aspect

VISUALLY_LOSSLESS = {"crf": "12", "preset": "ultrafast"}
"""Faster presets make larger files of equal quality; the copy is removed with its item."""


def prepare(
    path: str, into: str, times: str, rate: str, copy: bool, cut: bool, max_pixels: int, max_duration_s: float
) -> dict[str, Any]:
    """Decode all frames, write their times as float64, and a copy where one is needed.

    Args:
        into: path of the copy.
        times: path of the times.
        rate: of the copy, frames a second as a fraction.
        copy: whether one is needed in any case; else damage and changes of size decide.
        cut: whether the file is known to break off.

    Raises:
        UnreadableMedia: nothing can be decoded.
        MediaTooLarge: over a limit.
    """
    limits = (max_pixels, max_duration_s)
    decoded = _decode(path, Path(into) if copy else None, None, Fraction(rate), *limits)
    if decoded.changes_size or (decoded.damage and not copy):
        copy = True
        decoded = _decode(path, Path(into), decoded.canvas, Fraction(rate), *limits)
    clock = read_clock(decoded.stamps, float(1 / Fraction(rate)))
    facts = timing(clock, decoded.guessed_rate, cut=cut)
    check_duration(facts["duration_s"], max_duration_s)
    Path(times).write_bytes(array("d", clock.times).tobytes())
    return facts | {
        "frames": len(clock.times),
        "damaged": len(decoded.damage),
        "damaged_at": decoded.damage[0] if decoded.damage else None,
        "concealed": decoded.concealed,
        "sizes": len(decoded.sizes),
        "width": decoded.canvas[0],
        "height": decoded.canvas[1],
        "start_s": round(clock.start_s - decoded.file_start_s, 6),
        "copied": copy,
    }


@dataclass
class _Decoded:
    """Facts of one pass over the video.

    Attributes:
        stamps: times of the frames by the file's clock, in seconds.
        sizes: of frames, upright and with square pixels.
        damage: for each packet that could not be decoded, the number of frames before it.
        concealed: number of frames that are damaged in part.
    """

    guessed_rate: Fraction
    file_start_s: float
    stamps: list[float | None] = field(default_factory=list)
    sizes: set[Size] = field(default_factory=set)
    damage: list[int] = field(default_factory=list)
    concealed: int = 0

    @property
    def changes_size(self) -> bool:
        return len(self.sizes) > 1

    @property
    def canvas(self) -> Size:
        """The smallest size that holds every frame as it is."""
        return max(width for width, _ in self.sizes), max(height for _, height in self.sizes)


def _decode(
    path: str, into: Path | None, canvas: Size | None, rate: Fraction, max_pixels: int, max_duration_s: float
) -> _Decoded:
    """Decode the video once, and encode it where `into` is given."""
    with opened(path) as (container, stream):
        stream.codec_context.thread_count = THREADS
        aspect = sample_aspect(stream)
        decoded = _Decoded(
            Fraction(stream.guessed_rate or stream.average_rate or 0),
            float((container.start_time or 0) * MICROSECOND),
        )
        most = max_duration_s * MOST_FRAMES_A_SECOND
        given = _noted(frames(container, stream, decoded.damage), decoded, aspect, max_pixels, most)
        if into is None:
            for _ in given:
                pass
        else:
            with av.open(f"file:{into}", "w", format="mp4") as copy:
                _encode(copy, upright(given, aspect, canvas), rate)
    check_size(*decoded.canvas, max_pixels)
    return decoded


def _noted(
    given: Iterable[VideoFrame], decoded: _Decoded, aspect: Fraction, max_pixels: int, most: float
) -> Iterator[VideoFrame]:
    """Pass frames on, and note time and size of each."""
    for frame in given:
        check_size(frame.width, frame.height, max_pixels)
        decoded.stamps.append(frame.time)
        decoded.sizes.add(upright_size(frame, aspect))
        decoded.concealed += frame.is_corrupt
        if len(decoded.stamps) > most:
            raise MediaTooLarge("the video has more frames than any camera takes in the longest time allowed")
        yield frame


def _encode(copy: OutputContainer, given: Iterable[VideoFrame], rate: Fraction) -> None:
    """Write each frame once, one tick apart."""
    stream = None
    for number, frame in enumerate(given):
        if stream is None:
            stream = copy.add_stream("libx264", rate=rate, options=VISUALLY_LOSSLESS)
            stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            stream.codec_context.thread_count = THREADS
        frame.time_base = 1 / rate
        frame.pts = number
        frame.pict_type = 0
        copy.mux(stream.encode(frame))
    if stream is not None:
        copy.mux(stream.encode())
