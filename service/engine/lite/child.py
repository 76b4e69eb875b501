"""The pool's child for faces: `openface_lite` as a library, on pictures whose header has been looked at first."""

from __future__ import annotations

import csv
import io
from typing import Any

import cv2
import numpy as np

import openface_lite
from openface_lite import Face
from openface_lite.pictures import Picture, picture_of
from openface_lite.pose import Camera
from service.engine.lite.drawing import Pixels, draw
from service.engine.lite.face import FaceView
from service.engine.lite.failures import blamed
from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.child_loop import Act, Answer, serve
from service.sandbox.decoders.pictures import read_header

JPEG_QUALITY = 92


def _hello(_body: bytes) -> Answer:
    """Everything is loaded, and has run once."""
    openface_lite.analyse_image(np.zeros((64, 64, 3), np.uint8))
    return {"engine": "openface_lite", "version": openface_lite.__version__}, b""


def _faces(
    body: bytes, *, max_pixels: int, confidence: float, max_faces: int, tiles: bool, everything: bool, drawn_as: str
) -> Answer:
    """Find and measure; with `drawn_as` (`.png`, `.jpg`) the picture with the overlay comes back as well."""
    picture = _picture(body, max_pixels)
    camera = Camera.for_size(picture.width, picture.height)
    found: list[Face] = openface_lite.analyse.find_faces(picture, camera, tiles=int(tiles))
    seen = [FaceView.of(face) for face in found if face.confidence >= confidence][:max_faces]
    return _told(picture, seen, everything=everything), _drawn(picture, seen, drawn_as)


def _table(
    body: bytes,
    *,
    picture_bytes: int,
    max_pixels: int,
    confidence: float,
    max_faces: int,
    support: dict[str, str],
    drawn_as: str,
) -> Answer:
    """What another engine's table says of a picture; the body is the picture and behind it the table."""
    picture = _picture(body[:picture_bytes], max_pixels)
    rows = csv.DictReader(io.StringIO(body[picture_bytes:].decode()))
    seen = [FaceView.of_row(row, picture.width, picture.height, support) for row in rows]
    seen = sorted((face for face in seen if face.confidence >= confidence), key=lambda face: -face.size)[:max_faces]
    return _told(picture, seen, everything=True), _drawn(picture, seen, drawn_as)


def _upright(body: bytes, *, max_pixels: int) -> Answer:
    """The picture upright as a PNG, for an engine that cannot turn it."""
    picture = _picture(body, max_pixels)
    return {"width": picture.width, "height": picture.height}, _encoded(picture.pixels, ".png")


_ACTS: dict[str, Act] = {
    "hello": _hello,
    "faces": _faces,
    "table": _table,
    "upright": _upright,
}


def _picture(body: bytes, max_pixels: int) -> Picture:
    header = read_header(body)
    if header.width * header.height > max_pixels:
        raise MediaTooLarge(
            f"the picture has {header.width} × {header.height} pixels; the limit is {max_pixels / 1e6:g} million"
        )
    return picture_of(body)


def _told(picture: Picture, seen: list[FaceView], *, everything: bool) -> dict[str, Any]:
    faces = [face.told() if everything else face.told_shortly() for face in seen]
    return {"width": picture.width, "height": picture.height, "faces": faces}


def _drawn(picture: Picture, seen: list[FaceView], drawn_as: str) -> bytes:
    if not drawn_as:
        return b""
    pixels = picture.pixels
    if picture.is_reduced:
        pixels = np.asarray(cv2.resize(pixels, (picture.width, picture.height)), dtype=np.uint8)
    return _encoded(draw(pixels, seen), drawn_as)


def _encoded(pixels: Pixels, kind: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if kind == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(kind, pixels, options)
    if not done:
        raise UnreadableMedia("the picture cannot be written")
    return data.tobytes()


if __name__ == "__main__":
    # OpenCV's own threads would take the processors from the other children.
    cv2.setNumThreads(1)
    serve(_ACTS, blamed)
