"""Child process of the embedder's pool: detect faces in a picture and compute their embeddings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

import openface_lite
from openface_lite import Face
from openface_lite.pictures import Picture, picture_of
from openface_lite.pose import Camera
from service.engine.lite.failures import as_analysis_error
from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.identity.aligned import AlignedFace, load
from service.identity.vectors import MODEL
from service.sandbox.child_loop import Act, Answer, serve
from service.sandbox.decoders.picture_header import read_still_header


def _hello(_body: bytes) -> Answer:
    """Load all models."""
    openface_lite.analyse_image(np.zeros((64, 64, 3), np.uint8))
    load()
    return {"model": MODEL}, b""


def _embed(
    body: bytes,
    *,
    formats: list[str],
    max_pixels: int,
    least_side: int,
    most_side: int,
    least_face: int,
    confidence: float,
    max_faces: int,
    thumbnails: bool,
) -> Answer:
    """Find faces and embed them, the largest first; the body has their embeddings, then their thumbnails.

    Args:
        formats: accepted picture formats, as headers name them.
        least_side, most_side: accepted sides of the picture in pixels.
        least_face: shorter side of a face's box in pixels; smaller faces are left out.
    """
    picture = _picture(body, formats, max_pixels, least_side, most_side)
    camera = Camera.for_size(picture.width, picture.height)
    found = openface_lite.analyse.find_faces(picture, camera, tiles=1)
    faces = [face for face in found if face.confidence >= confidence and _shorter_side(face) >= least_face]
    answers, embeddings, crops = [], [], []
    for face in faces[:max_faces]:
        aligned = AlignedFace(picture.pixels, _in_pixels(picture, face))
        embeddings.append(aligned.embedding().astype("<f4").tobytes())
        crops.append(aligned.thumbnail() if thumbnails else b"")
        answers.append(
            {
                "box": [round(float(side), 1) for side in face.box],
                "confidence": round(face.confidence, 4),
                "thumbnail_bytes": len(crops[-1]),
            }
        )
    return {"width": picture.width, "height": picture.height, "faces": answers}, b"".join([*embeddings, *crops])


_ACTS: dict[str, Act] = {"hello": _hello, "embed": _embed}


def _picture(body: bytes, formats: list[str], max_pixels: int, least_side: int, most_side: int) -> Picture:
    header = read_still_header(body)
    if header.format not in formats:
        raise UnsupportedMedia(f"the picture is {header.format.upper()}; {', '.join(formats)} are taken")
    sides = (header.width, header.height)
    if header.width * header.height > max_pixels or max(sides) > most_side:
        raise MediaTooLarge(f"the picture has {header.width} × {header.height} pixels, which is more than is taken")
    if min(sides) < least_side:
        raise UnreadableMedia(
            f"the picture has {header.width} × {header.height} pixels; {least_side} each way are the least"
        )
    return picture_of(body)


def _in_pixels(picture: Picture, face: Face) -> Any:
    """Scale landmarks to `picture.pixels`, which is smaller than the picture where that is very large."""
    height, width = picture.pixels.shape[:2]
    return face.landmarks_2d * [width / picture.width, height / picture.height]


def _shorter_side(face: Face) -> float:
    left, top, right, bottom = face.box
    return float(min(right - left, bottom - top))


if __name__ == "__main__":
    # OpenCV's threads would take the processors from the other children.
    cv2.setNumThreads(1)
    serve(_ACTS, as_analysis_error)
