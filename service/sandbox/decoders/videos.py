"""Open videos: local files of known containers, one picture track, frames in order."""

from __future__ import annotations

import math
import struct
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

MANIFESTS = (b"#extm3u", b"ffconcat version", b"<mpd", b"<smoothstreamingmedia", b"<compositionplaylist", b"\nc=in ip")
"""Text by which some version of FFmpeg knows HLS, concat, DASH, Smooth Streaming, IMF and SDP, in lower case."""
MANIFEST_BYTES = 1 << 20
"""How far into a file FFmpeg looks for such text (its `probesize` goes from 32 bytes to this)."""
SKIPPED_PACKETS = 200
"""How many packets may fail before the first frame."""
WIDEST_PIXEL = 5
"""Pixels that are claimed to be more than this many times as wide as high, or the reverse, are taken for square."""


class Orientation(NamedTuple):
    """How a frame has to be turned to be upright.

    Attributes:
        rotation: clockwise, 0, 90, 180 or 270 degrees.
        filters: FFmpeg filters that do it, each with its argument.
    """

    rotation: int
    mirrored: bool
    filters: tuple[tuple[str, str | None], ...]


@contextmanager
def opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the file and its picture track; FFmpeg's errors inside the block become UnreadableMedia."""
    try:
        container = av.open(f"file:{path}", "r", container_options=FFMPEG_OPTIONS)
    except av.error.FFmpegError as error:
        raise UnreadableMedia(
            f"the file is empty, cut short or no video, whatever its name says ({error.strerror})"
        ) from error
    try:
        with container:
            yield container, picture_track(container)
    except av.error.FFmpegError as error:
        raise UnreadableMedia(f"the video cannot be read: {error.strerror}") from error


def picture_tracks(container: InputContainer) -> list[VideoStream]:
    """List the tracks that are films; the cover of a song is a picture track too, and is none of them."""
    return [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]


def picture_track(container: InputContainer) -> VideoStream:
    """Choose the track that is marked as default, or else the largest; between equals the first.

    Raises:
        UnsupportedMedia: there is none.
    """
    tracks = picture_tracks(container)
    if not tracks:
        raise UnsupportedMedia("the file has no picture track, only sound or data")
    return max(tracks, key=lambda track: (bool(track.disposition & Disposition.default), _area(track), -track.index))


def frames(container: InputContainer, stream: VideoStream, damage: list[int] | None = None) -> Iterator[VideoFrame]:
    """Yield the frames that can be decoded; damaged ones are passed over.

    Args:
        damage: gets, for each packet that failed, how many frames came before it.

    Raises:
        UnreadableMedia: not one can be decoded.
    """
    given = failed = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                given += 1
                yield frame
        except av.error.InvalidDataError:
            failed += 1
            if damage is not None:
                damage.append(given)
            if not given and failed > SKIPPED_PACKETS:
                break
    if not given:
        raise UnreadableMedia("no frame of the video can be decoded")


def sample_aspect(stream: VideoStream) -> Fraction:
    """Return the width of a pixel by its height; 1 where the file says nothing, or nothing sensible."""
    claimed = stream.sample_aspect_ratio
    if not claimed or not Fraction(1, WIDEST_PIXEL) <= claimed <= WIDEST_PIXEL:
        return Fraction(1)
    return Fraction(claimed)


def squared(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the size with square pixels; the shorter side of a pixel grows, so that none is lost."""
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def orientation(frame: VideoFrame) -> Orientation:
    """Read the display matrix that phones write, as the `ffmpeg` command reads it."""
    data = cast("Mapping[Any, Any]", frame.side_data).get(SideData.DISPLAYMATRIX)
    if data is None:
        return Orientation(0, False, ())
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    angle = math.degrees(math.atan2(b / (math.hypot(b, d) or 1), a / (math.hypot(a, c) or 1)))
    quarter = round(angle / 90) % 4
    mirrored = a * d - b * c < 0
    if quarter == 1:
        return Orientation(90, mirrored, (("transpose", "cclock_flip" if mirrored else "clock"),))
    if quarter == 3:
        return Orientation(270, mirrored, (("transpose", "clock_flip" if mirrored else "cclock"),))
    flips = (("hflip", None),) * (a < 0) + (("vflip", None),) * (d < 0)
    return Orientation(0 if mirrored else 2 * 90 * (quarter == 2), mirrored, flips)


def refuse_manifest(path: str) -> None:
    """Raise UnsupportedMedia for a playlist: an older FFmpeg than ours would open, and follow, it in the engine."""
    with Path(path).open("rb") as file:
        # FFmpeg, too, takes what comes before the first zero for the text.
        text = file.read(MANIFEST_BYTES).split(b"\0", 1)[0].lower()
    if any(word in b"\n" + text for word in MANIFESTS):
        raise UnsupportedMedia("the file is a playlist or manifest that names other files, not a video")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise MediaTooLarge, or UnreadableMedia for frames without a size."""
    if width <= 0 or height <= 0:
        raise UnreadableMedia("the video's frames have no size")
    if width * height > max_pixels:
        raise MediaTooLarge(
            f"the video has frames of {width} × {height} pixels; the limit is {max_pixels / 1e6:g} million"
        )


def check_duration(seconds: float, max_duration_s: float) -> None:
    """Raise MediaTooLarge."""
    if seconds > max_duration_s:
        raise MediaTooLarge(f"the video lasts {seconds:.0f} s; the limit is {max_duration_s:.0f} s")


def _area(track: VideoStream) -> int:
    return track.codec_context.width * track.codec_context.height
