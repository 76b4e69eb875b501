"""Child process that draws an overlay: of a picture, or of a video frame by frame with the rows of its table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from service.engine.lite.drawing import Pixels, Side, draw, largest
from service.engine.lite.face import FaceView
from service.engine.lite.geometry import Camera
from service.errors import UnreadableMedia
from service.sandbox.child_once import serve_once
from service.sandbox.decoders.upright import THREADS, upright
from service.sandbox.decoders.videos import frames, opened

LONGEST_SIDE = 1280
"""Longest side of an overlay in pixels, so that browsers play it smoothly."""
JPEG_QUALITY = 88
H264 = {"crf": "23", "preset": "veryfast"}
USUAL_RATE = Fraction(25)

Row = Mapping[str, str]


def of_picture(
    path: str, table: str, into: str, support: Mapping[str, str], camera: Sequence[float] | None
) -> dict[str, Any]:
    """Write the picture with all faces drawn as a JPEG. Raises UnreadableMedia."""
    pixels = cv2.imread(path, cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableMedia("the picture cannot be decoded")
    drawn = _Overlay(support, camera).drawn(np.asarray(pixels, dtype=np.uint8), list(_rows(table)))
    if not cv2.imwrite(into, drawn, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
        raise UnreadableMedia("the overlay cannot be written")
    return {"frames": 1}


def of_video(
    path: str, table: str, into: str, support: Mapping[str, str], camera: Sequence[float] | None
) -> dict[str, Any]:
    """Write the video with each frame's rows drawn, as H.264 that browsers play while it loads.

    Raises:
        UnreadableMedia: nothing can be decoded.
    """
    with opened(path) as (container, stream):
        stream.codec_context.thread_count = THREADS
        rate = stream.average_rate or USUAL_RATE
        shown = _with_rows(upright(frames(container, stream)), _by_frame(table))
        overlay = _Overlay(support, camera)
        drawn = (overlay.drawn(_pixels(frame), rows) for frame, rows in shown)
        return {"frames": _encode(into, drawn, Fraction(rate))}


def _rows(table: str) -> Iterator[Row]:
    with Path(table).open(encoding="ascii", newline="") as file:
        yield from csv.DictReader(file)


def _by_frame(table: str) -> Iterator[tuple[int, list[Row]]]:
    """Yield each frame number, in rising order, with its rows."""
    for number, rows in groupby(_rows(table), key=lambda row: int(float(row["frame"]))):
        yield number, list(rows)


def _with_rows(
    given: Iterable[VideoFrame], numbered: Iterator[tuple[int, list[Row]]]
) -> Iterator[tuple[VideoFrame, list[Row]]]:
    """Pair each frame (counted from 1, as OpenFace does) with its rows of success 1."""
    number, rows = next(numbered, (0, []))
    for place, frame in enumerate(given, 1):
        while number < place and rows:
            number, rows = next(numbered, (0, []))
        found = [row for row in rows if float(row["success"] or 0) == 1] if number == place else []
        yield frame, found


def _pixels(frame: VideoFrame) -> Pixels:
    return np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)


class _Overlay:
    """Draws picture after picture; the bars stay on the side opposite to the first face."""

    def __init__(self, support: Mapping[str, str], camera: Sequence[float] | None) -> None:
        self._support = support
        self._camera = Camera(*camera) if camera else None
        self._side: Side = ""

    def drawn(self, pixels: Pixels, rows: list[Row]) -> Pixels:
        height, width = pixels.shape[:2]
        faces = [FaceView.of_row(row, width, height, self._support, self._camera) for row in rows]
        if faces and not self._side:
            left, _, right, _ = largest(faces).box
            self._side = "right" if left + right < width else "left"
        scale = min(1.0, LONGEST_SIDE / max(width, height))
        return draw(pixels, faces, scale=scale, pose_box=True, bars=self._side)


def _encode(into: str, drawn: Iterable[Pixels], rate: Fraction) -> int:
    """Write the frames and return their number."""
    written = 0
    with av.open(f"file:{into}", "w", format="mp4", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("libx264", rate=rate, options=H264)
        stream.codec_context.thread_count = THREADS
        stream.pix_fmt = "yuv420p"
        for pixels in drawn:
            even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
            if not written:
                stream.height, stream.width = even.shape[:2]
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="bgr24")
            frame.pts, frame.time_base = written, 1 / rate
            file.mux(stream.encode(frame))
            written += 1
        file.mux(stream.encode())
    if not written:
        raise UnreadableMedia("the video has no frame that can be decoded")
    return written


def _draw(media: str, path: str, **arguments: Any) -> dict[str, Any]:
    return of_picture(path, **arguments) if media == "image" else of_video(path, **arguments)


if __name__ == "__main__":
    serve_once(_draw)
