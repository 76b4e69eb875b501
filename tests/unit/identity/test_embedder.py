"""A child's answer about faces, and pictures that must hold one face alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import Busy, UnreadableMedia
from service.identity.embedder import Embedder, FoundFace, NoFace, SeveralFaces, _read

FACE = FoundFace((0.0, 0.0, 1.0, 1.0), 0.9, np.zeros(128, np.float32), b"")


def test_embeddings_and_thumbnails_are_each_their_own_faces() -> None:
    vectors = np.arange(256, dtype="<f4").reshape(2, 128)
    answers = [
        {"box": [1, 2, 3, 4], "confidence": 0.9, "thumbnail_bytes": 2},
        {"box": [5, 6, 7, 8], "confidence": 0.8, "thumbnail_bytes": 3},
    ]
    first, second = _read(answers, vectors.tobytes() + b"aabbb")
    assert (first.box, first.thumbnail, second.box, second.thumbnail) == ((1, 2, 3, 4), b"aa", (5, 6, 7, 8), b"bbb")
    assert (first.embedding[0], second.embedding[0], second.embedding[-1]) == (0, 128, 255)
    assert _read([], b"") == []


def test_an_answer_without_all_of_its_embeddings_is_an_error() -> None:
    with pytest.raises(ValueError, match="buffer"):
        _read([{"box": [0, 0, 1, 1], "confidence": 1, "thumbnail_bytes": 0}], b"\0" * 511)


class Scripted(Embedder):
    """Finds what each picture stands for; starts no child."""

    def __init__(self, script: dict[bytes, list[FoundFace] | Exception]) -> None:
        self._script = script

    def faces(self, picture: bytes, **_: Any) -> list[FoundFace]:
        found = self._script[picture]
        if isinstance(found, Exception):
            raise found
        return found


def test_one_face_is_one() -> None:
    embedder = Scripted({b"one": [FACE], b"none": [], b"two": [FACE, FACE]})
    assert embedder.one_face(b"one") is FACE
    with pytest.raises(NoFace):
        embedder.one_face(b"none")
    with pytest.raises(SeveralFaces, match="2 faces"):
        embedder.one_face(b"two")


def test_a_picture_to_blame_is_told_beside_the_others_and_a_busy_server_ends_all() -> None:
    embedder = Scripted({b"one": [FACE], b"none": [], b"bad": UnreadableMedia("cut"), b"busy": Busy("full")})
    found = embedder.one_face_each([b"bad", b"one", b"none"])
    assert [type(each) for each in found] == [UnreadableMedia, FoundFace, NoFace]
    with pytest.raises(Busy):
        embedder.one_face_each([b"one", b"busy"])
