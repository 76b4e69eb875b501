"""The canonical face: the points of a resting face in space, in millimetres and OpenFace's axes.

The landmark network's depths and the canonical face belong together: a head pose that rests on it needs no constant
for its tilt.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

from openface_lite import landmarks, models
from openface_lite.arrays import Array
from openface_lite.model_facts import CANONICAL_FACE

# OpenFace's model is as large as this share of the canonical face, and its origin lies elsewhere. Both were found on
# rows that real OpenFace wrote: our pose of OpenFace's own 2D points then lies within 10 mm and 3.5 degrees of
# OpenFace's in every row (test_engine_real_rows.py).
_SCALE: Final = 0.977
_SHIFT_MM: Final = (0.0, -11.8, 37.7)
_MM_A_CM: Final = 10.0
# The file's y grows upwards and its z towards the camera.
_OUR_AXES: Final = (1, -1, -1)

# Fields of the file (protocol buffers): the mesh, its vertex buffer of x, y, z and two texture coordinates each.
_MESH_FIELD, _VERTICES_FIELD, _NUMBERS_A_VERTEX = 1, 3, 5
_VARINT, _LENGTH_DELIMITED, _FIXED_32 = 0, 2, 5


@lru_cache(maxsize=1)
def points() -> Array:
    """The (468, 3) points in mm: x to the right of the image, y down, z away from the camera."""
    content = models.checked_path(CANONICAL_FACE).read_bytes()
    mesh = next(value for field, value in _fields(content) if field == _MESH_FIELD and isinstance(value, bytes))
    numbers = [value for field, value in _fields(mesh) if field == _VERTICES_FIELD and isinstance(value, float)]
    vertices = np.array(numbers).reshape(-1, _NUMBERS_A_VERTEX)[:, :3]
    return _shared(_SCALE * _MM_A_CM * vertices * _OUR_AXES + _SHIFT_MM)


@lru_cache(maxsize=1)
def face_points() -> Array:
    """OpenFace's 68 points (68, 3) of the canonical face in mm."""
    return _shared(landmarks.face_points(points()))


def _shared(array: Array) -> Array:
    array.setflags(write=False)
    return array


def _fields(message: bytes) -> Iterator[tuple[int, bytes | float | int]]:
    """The fields of a protocol buffer message (https://protobuf.dev/programming-guides/encoding/)."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield field, value
        elif kind == _FIXED_32:
            yield field, float(struct.unpack_from("<f", message, place)[0])
            place += 4
        elif kind == _LENGTH_DELIMITED:
            length, place = _varint(message, place)
            yield field, message[place : place + length]
            place += length
        else:
            raise ValueError(f"a field of kind {kind} does not occur in the canonical face")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A variable-length integer and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
