"""Read videos and sequences of pictures: upright frames of one size, each with its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from openface_lite import processors
from openface_lite.arrays import Image
from openface_lite.frame_picture import FramePicture
from openface_lite.pictures import MediaError, Picture, picture_of_frame, read_image

_UNKNOWN_RATE = 30.0
# Where there is another processor, one decodes ahead while the analyser works; more would only hold more frames.
_DECODER_THREADS = 2
# Local files of plain containers only: neither a name like "http://..." nor a playlist, which names other
# files, is followed (https://ffmpeg.org/ffmpeg-formats.html#Format-Options).
_FFMPEG_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,"
    "png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,gif",
}


class Frame(NamedTuple):
    """One frame and when it is shown: seconds since the first one."""

    time_s: float
    picture: Picture

    @property
    def pixels(self) -> Image:
        """(height, width, 3) uint8 BGR."""
        return self.picture.pixels


@dataclass(frozen=True)
class Footage:
    """Opened frames: their size, how many are expected (0: unknown), and the frames once.

    The frames of a folder of pictures all carry the time 0. A stream that breaks in the middle ends there:
    what was decoded stays good.
    """

    width: int
    height: int
    expected_frames: int
    frames: Iterator[Frame]


def open_video(path: Path) -> Footage:
    """A video file, turned as its display matrix says. Raises MediaError, also when no frame decodes."""
    container = open_container(path)
    stream = container.streams.best("video")
    if stream is None:
        container.close()
        raise MediaError(f"No video in {path}")
    fps = float(stream.average_rate or stream.guessed_rate or _UNKNOWN_RATE)
    duration_s = container.duration / av.time_base if container.duration else 0.0
    return _footage(_video_frames(container, fps), path, stream.frames or round(duration_s * fps))


def open_container(path: Path) -> InputContainer:
    """Open a video file; nothing is decoded. Raises MediaError."""
    if not path.is_file():
        raise MediaError(f"No such file: {path}")
    try:
        return av.open(f"file:{path.absolute()}", options=_FFMPEG_OPTIONS)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"Could not open the video {path}") from error


def video_stream(container: InputContainer, threads: int = 1) -> VideoStream:
    """The picture track that is analysed. Raises MediaError where there is none."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise MediaError("No picture track")
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO"
    return stream


def open_sequence(paths: list[Path]) -> Footage:
    """Pictures as the frames of a video. Raises MediaError, also when there are none."""
    if not paths:
        raise MediaError("No pictures to make a sequence of")
    return _footage(_sequence_frames(paths), paths[0].parent, len(paths))


def _footage(frames: Iterator[Frame], path: Path, expected_frames: int) -> Footage:
    first = next(frames, None)
    if first is None:
        raise MediaError(f"No frame can be decoded from {path}")
    width, height = first.picture.width, first.picture.height
    same_size = (resized(frame, width, height) for frame in chain([first], frames))
    return Footage(width, height, expected_frames, same_size)


def _video_frames(container: InputContainer, fps: float) -> Iterator[Frame]:
    with container:
        stream = video_stream(container, min(processors.usable(), _DECODER_THREADS))
        clock = _Clock(fps)
        try:
            for frame in container.decode(stream):
                yield Frame(clock.since_start(frame.time), FramePicture(frame))
        except (av.FFmpegError, OSError):
            return  # Damage in the middle counts as the end of the file, as in the real tools.


class _Clock:
    """Presentation times as seconds since the first frame.

    Where the file gives none, or they do not grow, the frame rate counts on.
    """

    def __init__(self, fps: float) -> None:
        self._step_s = 1 / fps
        self._start_s: float | None = None
        self._last_s: float | None = None

    def since_start(self, shown_s: float | None) -> float:
        if self._last_s is None:
            self._start_s, self._last_s = shown_s, 0.0
            return 0.0
        time_s = self._last_s + self._step_s
        if shown_s is not None and self._start_s is not None and shown_s - self._start_s > self._last_s:
            time_s = shown_s - self._start_s
        self._last_s = time_s
        return time_s


def _sequence_frames(paths: list[Path]) -> Iterator[Frame]:
    for path in paths:
        try:
            yield Frame(0.0, picture_of_frame(read_image(path)))
        except MediaError:
            return  # An unreadable picture ends the sequence, like a damaged frame ends a video.


def resized(frame: Frame, width: int, height: int) -> Frame:
    """A stream may change its size midway; the camera and the rows are in the first frame's pixels."""
    if (frame.picture.width, frame.picture.height) == (width, height):
        return frame
    resized = cv2.resize(frame.pixels, (width, height), interpolation=cv2.INTER_AREA)
    return Frame(frame.time_s, picture_of_frame(np.asarray(resized, dtype=np.uint8)))
