"""Cut a video at key frames into stretches that can be measured side by side, without decoding it.

The cuts depend on the file alone, so the numbers do not depend on how many processes measure it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from openface_lite.frame_picture import FramePicture
from openface_lite.pictures import MediaError
from openface_lite.videos import Frame, open_container, resized, video_stream

# The first key frame after this many seconds begins the next stretch.
LENGTH_S = 10.0


class UnexpectedFrameError(MediaError):
    """A stretch does not decode to the frames that the file's packets promise."""


@dataclass(frozen=True)
class Stretch:
    """Some frames in a row, the first of them a key frame.

    ``first`` is its first frame's number in the video, counted from 1; ``stamps`` are the presentation times of its
    frames in the stream's unit, and ``seek`` the decoding time of its first packet.
    """

    first: int
    stamps: tuple[int, ...]
    seek: int


def cut(path: Path) -> list[Stretch]:
    """The stretches of a video file; empty where it is too short, or its packets do not tell all. Never fails."""
    try:
        return _cut(path)
    except (MediaError, av.FFmpegError, OSError):
        return []


def frames_of(path: Path, stretch: Stretch, begin: int, size: tuple[int, int]) -> Iterator[Frame]:
    """The frames of a stretch, resized to the video's ``size``; ``begin`` is the time stamp of the video's first frame.

    Raises MediaError, UnexpectedFrameError.
    """
    with open_container(path) as container:
        stream = video_stream(container)
        container.seek(stretch.seek, stream=stream)
        expected = iter(stretch.stamps)
        stamp = next(expected)
        unit = _unit(stream)
        start_s = float(begin) * unit.numerator / unit.denominator
        try:
            for frame in container.decode(stream):
                if frame.pts is not None and frame.pts < stretch.stamps[0]:
                    continue
                if frame.pts != stamp or frame.time is None:
                    break
                yield resized(Frame(frame.time - start_s, FramePicture(frame)), *size)
                if (after := next(expected, None)) is None:
                    return
                stamp = after
        except (av.FFmpegError, OSError) as error:
            raise UnexpectedFrameError(f"{path} is damaged") from error
    raise UnexpectedFrameError(f"{path} does not decode to the frames that it lists")


def _unit(stream: VideoStream) -> Fraction:
    if stream.time_base is None:
        raise MediaError("The picture track has no clock")
    return stream.time_base


def _cut(path: Path) -> list[Stretch]:
    with open_container(path) as container:
        stream = video_stream(container)
        packets = [packet for packet in container.demux(stream) if packet.size]
        seconds = float(_unit(stream))
    stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
    keys = [(one.pts, one.dts) for one in packets if one.is_keyframe and one.pts is not None and one.dts is not None]
    is_told = len(set(stamps)) == len(packets) and not any(packet.is_discard for packet in packets)
    if not is_told or not keys or keys[0][0] != stamps[0]:
        return []
    cuts = [keys[0]]
    for key in keys:
        if (key[0] - cuts[-1][0]) * seconds >= LENGTH_S:
            cuts.append(key)
    places = [stamps.index(pts) for pts, _ in cuts]
    ends = [*places[1:], len(stamps)]
    found = [
        Stretch(place + 1, tuple(stamps[place:end]), dts)
        for place, end, (_, dts) in zip(places, ends, cuts, strict=True)
    ]
    return found if len(found) > 1 else []
