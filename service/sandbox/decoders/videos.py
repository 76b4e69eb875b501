"""Videos: what the file promises, and what is really in it."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import av.error
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.sandbox.ffmpeg_options import FFMPEG_OPTIONS

FORMATS = {
    "mov": "mp4",
    "matroska": "mkv",
    "avi": "avi",
    "asf": "wmv",
    "mpeg": "mpg",
    "mpegts": "ts",
    "mpegvideo": "mpg",
}
"""What the files of the demuxers that we let FFmpeg try are called."""
MANIFESTS = (b"#extm3u", b"ffconcat version", b"<mpd", b"<smoothstreamingmedia", b"<compositionplaylist", b"\nc=in ip")
"""Words by which some version of FFmpeg knows HLS, concat, DASH, Smooth Streaming, IMF and SDP, in lower case."""
MANIFEST_BYTES = 1 << 20
"""How far into a file FFmpeg looks for such words (its `probesize` goes from 32 bytes to this)."""
USUAL_RATES = tuple(
    Fraction(*rate)
    for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)
MOST_FRAMES_A_SECOND = 1000
"""Beyond any camera; files that claim more are made to exhaust us."""
MICROSECOND = Fraction(1, av.time_base)
"""Unit of a whole file's duration."""
REORDERED = 16
"""Most frames that H.264 and H.265 let wait for a later one."""
SKIPPED_PACKETS = 200
"""How many packets may fail before the first frame."""


def probe(path: str, max_pixels: int, max_duration_s: float) -> dict[str, Any]:
    """What the engine will meet.

    `frames` is what is there, `frames_promised` what the header says there should be; less is a cut file.

    Raises:
        UnsupportedMedia: no picture track, or a container that we do not take.
        UnreadableMedia: not a video, or without a frame that can be decoded.
        MediaTooLarge: over a limit.
    """
    _refuse_manifest(path)
    with opened(path) as (container, stream):
        _check_size(stream, max_pixels)
        _check_duration(_seconds(container.duration, MICROSECOND), max_duration_s)
        packets = _count(container, stream, max_duration_s)
        facts = _timing(container, stream, packets)
        _check_duration(facts["duration_s"], max_duration_s)
        format_name = FORMATS[container.format.name.split(",")[0]]
        codec = stream.codec_context.name
    with opened(path) as (container, stream):
        turned = turn(next(frames(container, stream)))
        width, height = stream.codec_context.width, stream.codec_context.height
    sides = (height, width) if turned.rotation in (90, 270) else (width, height)
    return facts | {
        "format": format_name,
        "codec": codec,
        "width": sides[0],
        "height": sides[1],
        "rotation": turned.rotation,
        "mirrored": turned.mirrored,
    }


@contextmanager
def opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its picture track; FFmpeg's errors inside the block become ours."""
    try:
        container = av.open(f"file:{path}", "r", container_options=FFMPEG_OPTIONS)
    except av.error.FFmpegError as error:
        raise UnreadableMedia(
            f"the file is empty, cut short or no video, whatever its name says ({error.strerror})"
        ) from error
    try:
        with container:
            yield container, _picture_track(container)
    except av.error.FFmpegError as error:
        raise UnreadableMedia(f"the video cannot be read: {error.strerror}") from error


def frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that can be decoded; damaged ones are passed over, as OpenFace's reader does.

    Raises:
        UnreadableMedia: there is not one.
    """
    given = failed = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                given += 1
                yield frame
        except av.error.InvalidDataError:
            failed += 1
            if not given and failed > SKIPPED_PACKETS:
                break
    if not given:
        raise UnreadableMedia("no frame of the video can be decoded")


def usual(rate: Fraction) -> Fraction:
    """The camera rate within half a percent, or else the rate itself, to the thousandth, and no less than one."""
    nearest = min(USUAL_RATES, key=lambda known: abs(known - rate))
    # Frames that are hours apart would else have no rate at all.
    return nearest if abs(nearest - rate) <= rate / 200 else max(round(rate * 1000), 1) * Fraction(1, 1000)


class Turn(NamedTuple):
    """How a frame has to be turned to be upright.

    Attributes:
        rotation: clockwise, 0, 90, 180 or 270 degrees.
        filters: FFmpeg filters that do it, each with its argument.
    """

    rotation: int
    mirrored: bool
    filters: tuple[tuple[str, str | None], ...]


def turn(frame: VideoFrame) -> Turn:
    """Read the display matrix that phones write; the same reading as the `ffmpeg` command's."""
    data = cast("Mapping[Any, Any]", frame.side_data).get(SideData.DISPLAYMATRIX)
    if data is None:
        return Turn(0, False, ())
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    angle = math.degrees(math.atan2(b / (math.hypot(b, d) or 1), a / (math.hypot(a, c) or 1)))
    quarter = round(angle / 90) % 4
    mirrored = a * d - b * c < 0
    if quarter == 1:
        return Turn(90, mirrored, (("transpose", "cclock_flip" if mirrored else "clock"),))
    if quarter == 3:
        return Turn(270, mirrored, (("transpose", "clock_flip" if mirrored else "cclock"),))
    flips = (("hflip", None),) * (a < 0) + (("vflip", None),) * (d < 0)
    return Turn(0 if mirrored else 2 * 90 * (quarter == 2), mirrored, flips)


def _refuse_manifest(path: str) -> None:
    """What is a video to our FFmpeg and a playlist to the engine's older one would be opened, and followed, there."""
    with Path(path).open("rb") as file:
        # FFmpeg, too, takes what comes before the first zero for the text.
        text = file.read(MANIFEST_BYTES).split(b"\0", 1)[0].lower()
    if any(word in b"\n" + text for word in MANIFESTS):
        raise UnsupportedMedia("the file is a playlist or manifest that names other files, not a video")


def _picture_track(container: InputContainer) -> VideoStream:
    # The cover of a song is a picture track too.
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise UnsupportedMedia("the file has no picture track, only sound or data")
    return tracks[0]


def _check_size(stream: VideoStream, max_pixels: int) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width <= 0 or height <= 0:
        raise UnreadableMedia("the video's frames have no size")
    if width * height > max_pixels:
        raise MediaTooLarge(
            f"the video has frames of {width} × {height} pixels; the limit is {max_pixels / 1e6:g} million"
        )


def _check_duration(seconds: float | None, max_duration_s: float) -> None:
    if seconds is not None and seconds > max_duration_s:
        raise MediaTooLarge(f"the video lasts {seconds:.0f} s; the limit is {max_duration_s:.0f} s")


def _seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    return None if ticks is None or time_base is None else float(ticks * time_base)


class _Packets(NamedTuple):
    """The compressed frames that are there.

    Attributes:
        shown: how many will be shown.
        discarded: how many are only needed to decode others (before a cut).
        times: their times in ticks, sorted; empty where the container keeps none.
    """

    shown: int
    discarded: int
    times: array[int]


def _count(container: InputContainer, stream: VideoStream, max_duration_s: float) -> _Packets:
    times, shown, discarded = array("q"), 0, 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        if packet.is_discard:
            discarded += 1
            continue
        shown += 1
        if packet.pts is not None:
            times.append(packet.pts)
        if shown > max_duration_s * MOST_FRAMES_A_SECOND:
            raise MediaTooLarge("the video has more frames than any camera takes in the longest time allowed")
    if not shown:
        raise UnreadableMedia("the video has no frames")
    return _Packets(shown, discarded, array("q", sorted(times) if len(times) == shown else ()))


def _timing(container: InputContainer, stream: VideoStream, packets: _Packets) -> dict[str, Any]:
    time_base = stream.time_base or Fraction(1)
    guessed = stream.guessed_rate or stream.average_rate or Fraction(0)
    times = packets.times
    if _cut(container, stream, packets):
        # Where a file breaks off, frames are missing among the last: they come before those they build on.
        times = times[:-REORDERED]
    rate, variable = _rate(times, time_base, guessed)
    if packets.times:
        duration = _span(packets.times, time_base) + (1 / rate if rate else 0)
    else:
        duration = packets.shown / rate if rate else Fraction(0)
    return {
        "frame_rate": float(rate) or None,
        "rate": str(rate) if rate else None,
        "variable_frame_rate": variable,
        "duration_s": float(duration),
        "frames": packets.shown,
        "frames_promised": _promised(container, stream, packets, float(rate)),
    }


def _cut(container: InputContainer, stream: VideoStream, packets: _Packets) -> bool:
    if stream.frames:
        return stream.frames - packets.discarded > packets.shown
    seconds = _seconds(stream.duration, stream.time_base) or _seconds(container.duration, MICROSECOND) or 0
    there = float(_span(packets.times, stream.time_base or Fraction(1)))
    return seconds - there > max(1.0, seconds / 20)


def _span(times: array[int], time_base: Fraction) -> Fraction:
    return (times[-1] - times[0]) * time_base if times else Fraction(0)


def _rate(times: array[int], time_base: Fraction, guessed: Fraction) -> tuple[Fraction, bool]:
    """Frames a second, and whether the distances vary.

    The engine gives frame n the time n/rate. That is constant enough as long as no frame is more than half a
    frame away from there; millisecond clocks and a single lost frame stay within it.
    """
    span = _span(times, time_base)
    if len(times) < 3 or not span:
        return guessed, False
    measured = (len(times) - 1) / span
    if _on_grid(times, time_base, guessed):
        return guessed, False
    if _on_grid(times, time_base, measured) and abs(guessed - measured) <= measured / 100:
        return measured.limit_denominator(100_000), False
    return usual(measured), True


def _on_grid(times: array[int], time_base: Fraction, rate: Fraction) -> bool:
    frames_a_tick = float(time_base * rate)
    return all(abs((time - times[0]) * frames_a_tick - i) <= 0.51 for i, time in enumerate(times))


def _promised(container: InputContainer, stream: VideoStream, packets: _Packets, rate: float) -> int:
    """Frames that the header speaks of: counted in MP4 and AVI, else from the duration, which is rougher."""
    if stream.frames:
        return max(stream.frames - packets.discarded, packets.shown)
    seconds = _seconds(stream.duration, stream.time_base)
    slack = 2.0
    if seconds is None:
        seconds = _seconds(container.duration, MICROSECOND)
        # The whole file's duration is its longest track's; sound often ends a little later.
        slack += rate if container.streams.audio else 0
    if seconds is None:
        return packets.shown
    estimate = round(seconds * rate)
    return estimate if estimate - packets.shown > max(slack, estimate * 0.01) else packets.shown
