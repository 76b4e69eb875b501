"""Decode a whole video for the times of its frames, and copy it where an engine would read it otherwise.

The copy is of constant rate, upright, with square pixels and of one size, without sound, and holds every frame that can
be decoded, once. It is not compressed (AVI) where it is small enough, which costs the least time, else H.264 (MP4).
OpenFace's readers differ in what they make of flags, damage and several tracks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame

from service.errors import MediaTooLarge, OptionDoesNotFit, UnreadableMedia
from service.jobs.part import Part
from service.sandbox.decoders.clock import RunningClock, read_clock
from service.sandbox.decoders.upright import THREADS, Size, upright, upright_size
from service.sandbox.decoders.video_probe import MICROSECOND, MOST_FRAMES_A_SECOND, timing
from service.sandbox.decoders.videos import check_duration, check_size, frames, opened, sample_aspect

Copy = Literal["", "track", "pixels"]
"""A copy for nothing, for another track beside the picture's, or for other pixels or frames."""


class _Codec(NamedTuple):
    """How a copy is encoded."""

    name: Literal["rawvideo", "libx264"]
    container: str
    options: Mapping[str, str] = MappingProxyType({})


UNCOMPRESSED = _Codec("rawvideo", "avi")
H264 = _Codec("libx264", "mp4", MappingProxyType({"crf": "12", "preset": "ultrafast"}))
"""Faster presets make larger files of equal quality; the copy is removed with its item."""
ROUNDING_S = 1e-6
"""Times that differ by less are the same: those of frames are multiples of a fraction."""


def prepare(
    path: str,
    into: str,
    compress: bool,
    times: str,
    numbers: str,
    rate: str,
    copy: Copy,
    cut: bool,
    part: dict[str, Any],
    max_pixels: int,
    max_duration_s: float,
) -> dict[str, Any]:
    """Decode all frames, write the times of those of the part as float64, and a copy where one is needed.

    Args:
        into: path of the copy.
        compress: whether the copy would be too large as it is.
        times, numbers: paths of the times, and of the frames' numbers, from 1, as int64.
        rate: frames a second as a fraction.
        copy: what a copy is needed for in any case; else damage and changes of size decide.
        cut: whether the file is known to break off.
        part: see `jobs.part.Part`; nothing behind its end is decoded.

    Raises:
        UnreadableMedia: nothing can be decoded.
        MediaTooLarge: over a limit.
        OptionDoesNotFit: the video has no such part.
    """
    plan = _Plan(Part.of_request(part), Fraction(rate), H264 if compress else UNCOMPRESSED, max_pixels, max_duration_s)
    encodes = copy == "pixels"
    decoded = _decode(path, Path(into) if encodes else None, None, plan)
    is_uneven = decoded.changes_size or (decoded.damage and not encodes)
    if is_uneven or (copy == "track" and not _copy_track(path, into)):
        encodes = True
        decoded = _decode(path, Path(into), decoded.canvas, plan)
    clock = read_clock(decoded.stamps, float(1 / Fraction(rate)))
    facts = timing(clock, decoded.guessed_rate, cut=cut)
    check_duration(facts["duration_s"], max_duration_s)
    chosen = array("q", decoded.numbers)
    Path(numbers).write_bytes(chosen.tobytes())
    Path(times).write_bytes(array("d", (clock.times[number - 1] for number in chosen)).tobytes())
    return facts | {
        "frames": len(clock.times),
        "chosen": len(chosen),
        "reached_end": decoded.reached_end,
        "damaged": len(decoded.damage),
        "damaged_at": decoded.damage[0] if decoded.damage else None,
        "damaged_in_part": sum(place >= chosen[0] - 1 for place in decoded.damage),
        "concealed": decoded.concealed,
        "sizes": len(decoded.sizes),
        "width": decoded.canvas[0],
        "height": decoded.canvas[1],
        "start_s": round(clock.start_s - decoded.file_start_s, 6),
        "copied": encodes or copy == "track",
    }


class _Plan(NamedTuple):
    """The part to decode and its limits; `rate` is the whole video's."""

    part: Part
    rate: Fraction
    codec: _Codec
    max_pixels: int
    max_duration_s: float


@dataclass
class _Decoded:
    """Facts of one pass over the video.

    Attributes:
        stamps: times of the frames by the file's clock, in seconds.
        numbers: of the frames of the part.
        reached_end: whether the file was decoded to its end.
        sizes: of frames, upright and with square pixels.
        damage: for each packet that could not be decoded, the number of frames before it.
        concealed: number of frames that are damaged in part.
    """

    guessed_rate: Fraction
    file_start_s: float
    stamps: list[float | None] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    reached_end: bool = True
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


def _decode(path: str, into: Path | None, canvas: Size | None, plan: _Plan) -> _Decoded:
    """Decode the video once, and encode the frames of the part where `into` is given."""
    with opened(path) as (container, stream):
        stream.codec_context.thread_count = THREADS
        aspect = sample_aspect(stream)
        decoded = _Decoded(
            Fraction(stream.guessed_rate or stream.average_rate or 0),
            float((container.start_time or 0) * MICROSECOND),
        )
        given = _noted(frames(container, stream, decoded.damage), decoded, aspect, plan)
        chosen = _chosen(given, decoded, plan)
        if into is None:
            for _ in chosen:
                pass
        else:
            with av.open(f"file:{into}", "w", format=plan.codec.container) as copy:
                given = upright(chosen, aspect, canvas, plan.part.region)
                _encode(copy, given, plan.rate / plan.part.every, plan.codec)
    check_size(*decoded.canvas, plan.max_pixels)
    if not decoded.numbers:
        raise OptionDoesNotFit(f"the video has no frame from {plan.part.start_s:g} s on; its last one is before that")
    return decoded


def _copy_track(path: str, into: str) -> bool:
    """Write the picture track alone, its frames as they are compressed; False where Matroska does not take them."""
    try:
        with opened(path) as (container, stream), av.open(f"file:{into}", "w", format="matroska") as copy:
            track = copy.add_stream_from_template(stream)
            for packet in container.demux(stream):
                if packet.size:
                    packet.stream = track
                    copy.mux(packet)
    except (UnreadableMedia, ValueError):
        return False
    return True


def _chosen(given: Iterable[VideoFrame], decoded: _Decoded, plan: _Plan) -> Iterator[VideoFrame]:
    """Pass on the frames of the part, and note their numbers."""
    part, clock = plan.part, RunningClock(float(1 / plan.rate))
    first = None
    for number, frame in enumerate(given, 1):
        time_s = clock.tick(frame.time) + ROUNDING_S
        if part.end_s is not None and time_s >= part.end_s:
            decoded.reached_end = False
            return
        if time_s < part.start_s:
            continue
        first = number if first is None else first
        if (number - first) % part.every == 0:
            decoded.numbers.append(number)
            yield frame


def _noted(given: Iterable[VideoFrame], decoded: _Decoded, aspect: Fraction, plan: _Plan) -> Iterator[VideoFrame]:
    """Pass frames on, and note time and size of each."""
    most = plan.max_duration_s * MOST_FRAMES_A_SECOND
    for frame in given:
        check_size(frame.width, frame.height, plan.max_pixels)
        decoded.stamps.append(frame.time)
        decoded.sizes.add(upright_size(frame, aspect))
        decoded.concealed += frame.is_corrupt
        if len(decoded.stamps) > most:
            raise MediaTooLarge("the video has more frames than any camera takes in the longest time allowed")
        yield frame


def _encode(copy: OutputContainer, given: Iterable[VideoFrame], rate: Fraction, codec: _Codec) -> None:
    """Write each frame once, one tick apart."""
    stream = None
    for number, frame in enumerate(given):
        if stream is None:
            stream = copy.add_stream(codec.name, rate=rate, options=dict(codec.options))
            stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            stream.codec_context.thread_count = THREADS
        frame.time_base = 1 / rate
        frame.pts = number
        frame.pict_type = 0
        copy.mux(stream.encode(frame))
    if stream is not None:
        copy.mux(stream.encode())
