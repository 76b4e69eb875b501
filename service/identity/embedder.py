"""Ask child processes for face embeddings; this process decodes no picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from service.errors import AnalysisError, BadRequest
from service.identity.vectors import LENGTH, Embedding
from service.sandbox.memory import web_memory
from service.sandbox.pool import Pool
from service.settings import Settings

CHILD = "service.identity.child"
WAITING_A_CHILD = 16
CONFIDENCE = 0.5
"""Least confidence of a face, as in the analyser."""
MOST_FACES = 100
EMBEDDING_BYTES = 4 * LENGTH


class NoFace(BadRequest):
    """There is no face in the picture."""

    code = "no_face"


class SeveralFaces(BadRequest):
    """There are several faces in the picture; one is expected."""

    code = "several_faces"


@dataclass(frozen=True)
class PictureRules:
    """Accepted pictures and faces.

    Attributes:
        formats: as headers name them.
        least_side, most_side: of a picture, in pixels.
        least_face: shorter side of a face's box, in pixels; smaller faces are left out.
    """

    formats: tuple[str, ...] = ("jpeg", "png", "webp", "bmp")
    least_side: int = 1
    most_side: int = 1 << 20
    least_face: int = 0


ANY_PICTURE = PictureRules()


@dataclass(frozen=True)
class FoundFace:
    """A detected face.

    Attributes:
        box: left, top, right, bottom in pixels of the upright picture.
        confidence: 0 to 1.
        thumbnail: a small JPEG, upright; empty where not requested.
    """

    box: tuple[float, float, float, float]
    confidence: float
    embedding: Embedding
    thumbnail: bytes


class Embedder:
    """A pool of child processes that keep dlib loaded."""

    def __init__(self, settings: Settings) -> None:
        children = settings.detect_processes
        waiting = WAITING_A_CHILD * children
        self._pool = Pool(
            CHILD,
            children=children,
            waiting=waiting,
            time_s=settings.detect_time_limit_s,
            memory_bytes=web_memory(settings).child_mb << 20,
        )
        self._max_pixels = int(settings.detect_max_megapixels * 1e6)

    def start(self) -> None:
        """Start the children, which load their models."""
        self._pool.start()

    def close(self) -> None:
        """End the children."""
        self._pool.close()

    def faces(self, picture: bytes, *, rules: PictureRules = ANY_PICTURE, thumbnails: bool = False) -> list[FoundFace]:
        """Find the faces of a picture, largest first.

        Raises:
            MediaTooLarge, UnreadableMedia, UnsupportedMedia: the picture.
            Busy, EngineUnavailable: this server.
        """
        question = {
            "do": "embed",
            "formats": list(rules.formats),
            "max_pixels": self._max_pixels,
            "least_side": rules.least_side,
            "most_side": rules.most_side,
            "least_face": rules.least_face,
            "confidence": CONFIDENCE,
            "max_faces": MOST_FACES,
            "thumbnails": thumbnails,
        }
        answer, body = self._pool.ask(question, picture)
        return _read(answer["faces"], body)

    def one_face(self, picture: bytes, *, rules: PictureRules = ANY_PICTURE, thumbnail: bool = False) -> FoundFace:
        """Find the only face of a picture. Raises NoFace, SeveralFaces, and as `faces`."""
        found = self.faces(picture, rules=rules, thumbnails=thumbnail)
        if not found:
            raise NoFace
        if len(found) > 1:
            raise SeveralFaces(f"there are {len(found)} faces in the picture; one is expected")
        return found[0]

    def one_face_each(self, pictures: list[bytes], *, thumbnails: bool = False) -> list[FoundFace | AnalysisError]:
        """Find the only face of each picture, or the error; one at a time, to leave children for other requests.

        Raises:
            Busy, EngineUnavailable: this server.
        """
        found: list[FoundFace | AnalysisError] = []
        for picture in pictures:
            try:
                found.append(self.one_face(picture, thumbnail=thumbnails))
            except AnalysisError as error:
                if error.retryable:
                    raise
                found.append(error)
        return found


def _read(answers: list[dict[str, Any]], body: bytes) -> list[FoundFace]:
    vectors = np.frombuffer(body, "<f4", count=len(answers) * LENGTH).reshape(len(answers), LENGTH)
    place = len(answers) * EMBEDDING_BYTES
    faces = []
    for answer, vector in zip(answers, vectors, strict=True):
        crop = body[place : place + answer["thumbnail_bytes"]]
        place += len(crop)
        left, top, right, bottom = answer["box"]
        faces.append(FoundFace((left, top, right, bottom), answer["confidence"], vector.copy(), crop))
    return faces
