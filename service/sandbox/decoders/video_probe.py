"""Probe a video: what the file promises and what is in it, by its packets; one frame is decoded."""

from __future__ import annotations

import math
from array import array
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.decoders.clock import Clock, constant_rate, read_clock, usual_rate
from service.sandbox.decoders.videos import (
    check_duration,
    check_size,
    frames,
    opened,
    orientation,
    picture_tracks,
    refuse_manifest,
    sample_aspect,
    squared,
)

FORMATS = {
    "mov": "mp4",
    "matroska": "mkv",
    "avi": "avi",
    "asf": "wmv",
    "flv": "flv",
    "mpeg": "mpg",
    "mpegts": "ts",
    "mpegvideo": "mpg",
}
"""Format by the demuxer's first name."""
MOST_FRAMES_A_SECOND = 1000
"""Beyond any camera; files that claim more are made to exhaust the service."""
MICROSECOND = Fraction(1, av.time_base)
"""Unit of a whole file's duration."""
REORDERED = 16
"""Most frames that H.264 and H.265 let wait for a later one."""
MISSING_S, MISSING_STEPS = 0.25, 4.0
"""A file is cut short if its packets end before the promised end by more than both of these, and than any gap."""
TAKE_S = 0.5
"""Times of packets go back by less than this where frames are reordered, and by more where another take begins."""
USUAL_STEP_S = 0.04


def probe(path: str, max_pixels: int, max_duration_s: float) -> dict[str, Any]:
    """Return the fields of `media.Probe`.

    `frames` counts the packets that are there, `frames_promised` those that there should be: less is a cut file.

    Raises:
        UnsupportedMedia: no picture track, or a container that is not taken.
        UnreadableMedia: not a video, or without a frame that can be decoded.
        MediaTooLarge: over a limit.
    """
    refuse_manifest(path)
    with opened(path) as (container, stream):
        check_size(stream.codec_context.width, stream.codec_context.height, max_pixels)
        packets = _read_packets(container, stream, max_duration_s)
        facts = _facts(container, stream) | _timing(container, stream, packets)
        check_duration(facts["duration_s"], max_duration_s)
    with opened(path) as (container, stream):
        turned = orientation(next(frames(container, stream)))
        width, height = squared(stream.codec_context.width, stream.codec_context.height, sample_aspect(stream))
    check_size(width, height, max_pixels)
    sides = (height, width) if turned.rotation in (90, 270) else (width, height)
    return facts | {
        "width": sides[0],
        "height": sides[1],
        "rotation": turned.rotation,
        "mirrored": turned.mirrored,
    }


def timing(clock: Clock, guessed: Fraction, *, cut: bool = False) -> dict[str, Any]:
    """Return the fields of `media.Probe` that a clock tells.

    Args:
        cut: the file breaks off, so that frames are missing among the last: they come before those they build on.
    """
    constant = constant_rate(clock.times[:-REORDERED] if cut else clock.times, guessed)
    rate = constant or usual_rate(clock.step_s)
    return {
        "frame_rate": float(rate),
        "rate": str(rate),
        "variable_frame_rate": constant is None,
        "duration_s": clock.times[-1] + float(1 / rate),
        "jitter_ms": round(clock.jitter_s * 1000, 3),
        "gaps": clock.gaps,
        "longest_gap_s": round(clock.longest_gap_s, 3),
        "clock_restarts": clock.restarts,
        "clock_jumps": clock.jumps,
    }


class _Packets(NamedTuple):
    """Compressed frames of the picture track.

    Attributes:
        shown: number of those that will be shown.
        discarded: number of those that are only needed to decode others (before a cut).
        stamps: times in seconds, of the shown ones, in the order of decoding.
        end_s, file_end_s: where the picture, and where the last track ends.
    """

    shown: int
    discarded: int
    stamps: list[float | None]
    end_s: float
    file_end_s: float


def _read_packets(container: InputContainer, stream: VideoStream, max_duration_s: float) -> _Packets:
    shown = discarded = 0
    stamps: list[float | None] = []
    ends = array("d", [0.0, 0.0])
    for packet in container.demux():
        ours = packet.stream.index == stream.index
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.time_base:
            end_s = float((stamp + (packet.duration or 0)) * packet.time_base)
            ends[1] = max(ends[1], end_s)
            ends[0] = max(ends[0], end_s) if ours else ends[0]
        if not ours or not packet.size:
            continue
        if packet.is_discard:
            discarded += 1
        else:
            shown += 1
            stamps.append(None if stamp is None or not packet.time_base else float(stamp * packet.time_base))
        if shown > max_duration_s * MOST_FRAMES_A_SECOND:
            raise MediaTooLarge("the video has more frames than any camera takes in the longest time allowed")
    if not shown:
        raise UnreadableMedia("the video has no frames")
    return _Packets(shown, discarded, stamps, *ends)


def _presented(stamps: list[float | None]) -> list[float | None]:
    """Sort the times of each take, which are in the order of decoding."""
    takes: list[list[float]] = [[]]
    latest = -math.inf
    for stamp in stamps:
        if stamp is None:
            return stamps
        if stamp < latest - TAKE_S:
            takes.append([])
            latest = -math.inf
        latest = max(latest, stamp)
        takes[-1].append(stamp)
    return [stamp for take in takes for stamp in sorted(take)]


def _facts(container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    tracks = picture_tracks(container)
    return {
        "format": FORMATS[container.format.name.split(",")[0]],
        "codec": stream.codec_context.name,
        "track": stream.index,
        "picture_tracks": len(tracks),
        # Readers that know no flags take the first, be it a cover.
        "track_is_certain": len(container.streams.video) == 1,
        "sample_aspect_ratio": str(sample_aspect(stream)),
        "creation_time": _creation_time(container, stream),
    }


def _creation_time(container: InputContainer, stream: VideoStream) -> str | None:
    """When the file says that it was recorded, ISO 8601; cameras that do not know write a zero of their calendar."""
    for metadata in (stream.metadata, container.metadata):
        try:
            moment = datetime.fromisoformat(metadata.get("creation_time", ""))
        except ValueError:
            continue
        return moment.isoformat(timespec="milliseconds") if moment.year > 1970 else None
    return None


def _timing(container: InputContainer, stream: VideoStream, packets: _Packets) -> dict[str, Any]:
    guessed = Fraction(stream.guessed_rate or stream.average_rate or 0)
    clock = read_clock(_presented(packets.stamps), float(1 / guessed) if guessed else USUAL_STEP_S)
    missing = _missing(container, stream, packets, clock)
    file_start_s = float((container.start_time or 0) * MICROSECOND)
    return timing(clock, guessed, cut=missing > 0) | {
        "frames": packets.shown,
        "frames_promised": packets.shown + missing,
        "has_cuts": packets.discarded > 0,
        "start_s": round(clock.start_s - file_start_s, 6),
    }


def _missing(container: InputContainer, stream: VideoStream, packets: _Packets, clock: Clock) -> int:
    """Return how many frames the file promises and lacks: counted in MP4, else by the track's duration.

    The duration of the whole file is that of its longest track: it is held against the end of that one. AVI counts
    places where no frame is, since the one before is shown on.
    """
    if stream.frames and container.format.name != "avi":
        return max(stream.frames - packets.discarded - packets.shown, 0)
    start_s = float((container.start_time or 0) * MICROSECOND)
    promised_s, there_s = _promised_end(stream), packets.end_s
    if promised_s is None and container.duration:
        promised_s, there_s = start_s + float(container.duration * MICROSECOND), packets.file_end_s
    if promised_s is None:
        return 0
    missing_s = promised_s - there_s
    if missing_s <= max(MISSING_S, MISSING_STEPS * clock.step_s, clock.longest_gap_s):
        return 0
    # Of an even clock it is known how many frames there should be in all.
    whole = round((promised_s - clock.start_s) / clock.step_s) - packets.shown
    return max(whole if not clock.gaps else 0, round(missing_s / clock.step_s))


def _promised_end(stream: VideoStream) -> float | None:
    """Where the track ends, by itself or by the tag that FFmpeg writes into Matroska files."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
