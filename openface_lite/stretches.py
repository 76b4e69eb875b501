"""Cut a video into stretches that can be measured side by side, without decoding it.

The cuts depend on the file alone, so the numbers do not depend on how many processes measure it.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from openface_lite.frame_picture import FramePicture
from openface_lite.pictures import MediaError
from openface_lite.videos import Frame, open_container, resized, video_stream

# A stretch takes some looks at its first face; over fewer seconds they would weigh.
LONGEST_S, SHORTEST_S = 10.0, 3.0
# A stretch is decoded from the key frame before it, if that is no further away; else it begins at the next key frame.
LEAD_IN_S = 10.0


class UnexpectedFrameError(MediaError):
    """A stretch does not decode to the frames that the file's packets promise."""


@dataclass(frozen=True)
class Stretch:
    """Some frames in a row.

    ``first`` is its first frame's number in the video, counted from 1; ``stamps`` are the presentation times of its
    frames in the stream's unit, and ``seek`` is the decoding time of the key frame that decoding begins with.
    """

    first: int
    stamps: tuple[int, ...]
    seek: int


def joined(stretches: list[Stretch]) -> Stretch:
    """All stretches of a video as one."""
    return Stretch(1, tuple(chain.from_iterable(stretch.stamps for stretch in stretches)), stretches[0].seek)


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
            for frame in _decoded(container, stream, stretch.stamps[0]):
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


def _decoded(container: InputContainer, stream: VideoStream, first: int) -> Iterator[VideoFrame]:
    """Frames from the container's place on, without those before ``first`` that no other frame is made from."""
    for packet in container.demux(stream):
        is_before = packet.pts is not None and packet.pts < first
        stream.codec_context.skip_frame = "NONREF" if is_before else "DEFAULT"
        yield from packet.decode()


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
    cuts = _cuts(stamps, sorted(keys), seconds)
    ends = [*(place for place, _ in cuts[1:]), len(stamps)]
    found = [Stretch(place + 1, tuple(stamps[place:end]), dts) for (place, dts), end in zip(cuts, ends, strict=True)]
    return found if len(found) > 1 else []


def _cuts(stamps: list[int], keys: list[tuple[int, int]], seconds: float) -> list[tuple[int, int]]:
    """The place of each stretch's first frame, and the decoding time of the key frame that decoding begins with."""
    # The last frame is shown as long as another.
    duration = (stamps[-1] - stamps[0]) * len(stamps) / max(len(stamps) - 1, 1)
    shares = _shares(duration * seconds)
    length, lead_in = duration / shares, LEAD_IN_S / seconds
    found = [(0, keys[0][1])]
    # What remains after a cut is at least half a share.
    while shares > 1 and stamps[found[-1][0]] + 1.5 * length <= stamps[-1]:
        place = bisect_left(stamps, stamps[found[-1][0]] + length)
        following = bisect_right(keys, stamps[place], key=lambda key: key[0])
        if stamps[place] - keys[following - 1][0] > lead_in:
            if following == len(keys):
                break
            # To decode all frames in between only to come here would cost too much.
            place = bisect_left(stamps, keys[following][0])
            following += 1
        found.append((place, keys[following - 1][1]))
    return found


def _shares(duration_s: float) -> int:
    """Into how many stretches a duration is cut: an even number, so that two processors, or four, do the same."""
    return 2 * math.ceil(duration_s / (2 * LONGEST_S)) if duration_s >= 2 * SHORTEST_S else 1
