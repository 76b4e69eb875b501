"""The pool's child for interactive analyses: `openface_lite` as a library, on pictures with a checked header."""

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
from service.engine.lite.failures import as_analysis_error
from service.errors import UnreadableMedia
from service.sandbox.child_loop import Act, Answer, serve
from service.sandbox.decoders.picture_header import check_pixels, read_still_header
from service.sandbox.decoders.pictures import decode_bytes

JPEG_QUALITY = 92
CONVERTED = ("heic", "avif", "tiff")
"""Formats that the analyser itself does not read."""
SMALL_FACES_TILES = 2
"""Depths of tiles that are searched where small faces are asked for: faces of 40 px in 640 x 480 are found then."""


def _hello(_body: bytes) -> Answer:
    """Load the models, and run them once."""
    openface_lite.analyse_image(np.zeros((64, 64, 3), np.uint8))
    return {"engine": "openface_lite", "version": openface_lite.__version__}, b""


def _faces(
    body: bytes, *, max_pixels: int, confidence: float, max_faces: int, tiles: bool, everything: bool, drawn_as: str
) -> Answer:
    """Find and measure faces; with `drawn_as` (`.png`, `.jpg`) return the picture with the overlay as well."""
    picture = _picture(body, max_pixels)
    camera = Camera.for_size(picture.width, picture.height)
    found: list[Face] = openface_lite.analyse.find_faces(picture, camera, tiles=SMALL_FACES_TILES if tiles else 0)
    views = [FaceView.of(face) for face in found if face.confidence >= confidence][:max_faces]
    return _summary(picture, views, everything=everything), _drawn(picture, views, drawn_as)


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
    """Read another engine's table of a picture; the body is the picture, followed by the table."""
    picture = _picture(body[:picture_bytes], max_pixels)
    rows = csv.DictReader(io.StringIO(body[picture_bytes:].decode()))
    views = [FaceView.of_row(row, picture.width, picture.height, support) for row in rows]
    views = sorted((face for face in views if face.confidence >= confidence), key=lambda face: -face.size)[:max_faces]
    return _summary(picture, views, everything=True), _drawn(picture, views, drawn_as)


def _upright(body: bytes, *, max_pixels: int) -> Answer:
    """Return the picture upright as a PNG, for engines that ignore its orientation."""
    picture = _picture(body, max_pixels)
    return {"width": picture.width, "height": picture.height}, _encoded(picture.pixels, ".png")


ACTS: dict[str, Act] = {
    "hello": _hello,
    "faces": _faces,
    "table": _table,
    "upright": _upright,
}


def _picture(body: bytes, max_pixels: int) -> Picture:
    header = read_still_header(body)
    check_pixels(header, max_pixels)
    return picture_of(decode_bytes(body, header) if header.format in CONVERTED else body)


def _summary(picture: Picture, views: list[FaceView], *, everything: bool) -> dict[str, Any]:
    faces = [face.as_dict() if everything else face.as_found() for face in views]
    return {"width": picture.width, "height": picture.height, "faces": faces}


def _drawn(picture: Picture, views: list[FaceView], drawn_as: str) -> bytes:
    if not drawn_as:
        return b""
    pixels = picture.pixels
    if picture.is_reduced:
        pixels = np.asarray(cv2.resize(pixels, (picture.width, picture.height)), dtype=np.uint8)
    return _encoded(draw(pixels, views), drawn_as)


def _encoded(pixels: Pixels, kind: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if kind == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(kind, pixels, options)
    if not done:
        raise UnreadableMedia("the picture cannot be written")
    return data.tobytes()


if __name__ == "__main__":
    # OpenCV's threads would take the processors of the other children.
    cv2.setNumThreads(1)
    serve(ACTS, as_analysis_error)
