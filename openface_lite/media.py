"""Read pictures and videos: upright, as (height, width, 3) uint8 BGR frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from openface_lite.arrays import Image

# What the real tools take from a folder: lower case only, not recursive, sorted as text.
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_UNKNOWN_RATE = 30.0


class MediaError(Exception):
    """A file cannot be opened or decoded."""


@dataclass(frozen=True)
class Footage:
    """Opened frames: their size, their rate, how many are expected (0: unknown), and the frames once.

    ``fps`` is 0 for a folder of pictures, whose rows all carry the time 0. A stream that breaks in the
    middle ends there: what was decoded stays good.
    """

    width: int
    height: int
    fps: float
    expected_frames: int
    frames: Iterator[Image]


def read_image(path: Path) -> Image:
    """A picture with its EXIF rotation applied. Raises MediaError."""
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error) as error:
        raise MediaError(f"Could not read the image {path}") from error
    if image is None:
        raise MediaError(f"Could not decode the image {path}")
    return np.asarray(image, dtype=np.uint8)


def images_in(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by path as text. Raises MediaError."""
    try:
        found = [path for path in folder.iterdir() if path.suffix in _IMAGE_SUFFIXES]
    except OSError as error:
        raise MediaError(f"Could not list the folder {folder}") from error
    return sorted(found, key=str)


def open_video(path: Path) -> Footage:
    """A video file, turned as its display matrix says. Raises MediaError, also when no frame decodes."""
    if not path.is_file():
        raise MediaError(f"No such file: {path}")
    try:
        # Absolute, and files only: neither a name like "http://..." nor a playlist reaches the network.
        container = av.open(str(path.absolute()), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"Could not open the video {path}") from error
    stream = container.streams.best("video")
    if stream is None:
        container.close()
        raise MediaError(f"No video in {path}")
    fps = float(stream.average_rate or stream.guessed_rate or _UNKNOWN_RATE)
    duration_s = container.duration / av.time_base if container.duration else 0.0
    return _footage(_video_frames(container), path, fps, stream.frames or round(duration_s * fps))


def open_sequence(paths: list[Path]) -> Footage:
    """Pictures as the frames of a video. Raises MediaError."""
    return _footage(_sequence_frames(paths), paths[0].parent, 0.0, len(paths))


def _footage(frames: Iterator[Image], path: Path, fps: float, expected_frames: int) -> Footage:
    first = next(frames, None)
    if first is None:
        raise MediaError(f"No frame can be decoded from {path}")
    height, width = first.shape[:2]
    same_size = (_resized(frame, width, height) for frame in chain([first], frames))
    return Footage(width, height, fps, expected_frames, same_size)


def _video_frames(container: "av.container.InputContainer") -> Iterator[Image]:
    with container:
        stream = container.streams.best("video")
        try:
            for frame in container.decode(stream):
                if isinstance(frame, VideoFrame):
                    yield _upright(frame)
        except (av.FFmpegError, OSError):
            return  # Damage in the middle counts as the end of the file, as in the real tools.


def _upright(frame: VideoFrame) -> Image:
    pixels = frame.to_ndarray(format="bgr24")
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns), dtype=np.uint8)


def _sequence_frames(paths: list[Path]) -> Iterator[Image]:
    for path in paths:
        try:
            yield read_image(path)
        except MediaError:
            return  # An unreadable picture ends the sequence, like a damaged frame ends a video.


def _resized(frame: Image, width: int, height: int) -> Image:
    """A stream may change its size midway; the camera and the rows are in the first frame's pixels."""
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
