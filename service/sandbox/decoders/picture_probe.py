"""Probe a picture: whether the file is whole, and what an engine would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.sandbox.decoders.picture_header import Header, check_pixels, read_header, reduction
from service.sandbox.decoders.structure import is_whole
from service.sandbox.picture_steps import is_converted

_FIRST_QUARTER_TURN = 5
"""EXIF orientation from which on width and height change places."""


def probe(path: str, max_pixels: int, into: str | None = None) -> dict[str, Any]:
    """Return the fields of `media.Probe`: the picture as the engine will see it.

    Decodes only where the structure does not say that the file is whole, or where the engine needs another file.

    Args:
        into: where to write the picture as `pictures.convert` does, should it have to be converted.

    Raises:
        UnsupportedMedia: a kind of picture that is not taken.
        UnreadableMedia: no picture, or a broken one.
        MediaTooLarge: more than `max_pixels`; judged by the header, before anything is decoded.
    """
    data = Path(path).read_bytes()
    header = read_header(data)
    check_pixels(header, max_pixels)
    if reduction(header) == 1 and is_whole(data, header):
        return _fields(header, _upright_size(header))
    # Imported here: OpenCV takes longer to load than the rest together, and few pictures need it.
    from service.sandbox.decoders import pictures

    pixels, bits = pictures.decode_whole(data, header)
    found = _fields(header, pixels.shape[1::-1]) | {"value_bits": bits}
    if into and is_converted(found):
        pictures.write(pixels, Path(into))
    return found


def _fields(header: Header, size: tuple[int, ...]) -> dict[str, Any]:
    return {
        "format": header.format,
        "codec": header.format,
        "width": size[0],
        "height": size[1],
        "rotation": {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(header.orientation, 0),
        "mirrored": header.orientation in (2, 4, 5, 7),
        "frames": 1,
        "has_end": header.has_end,
        "value_bits": None,
        "reduction": reduction(header),
        "focal_length_35mm": header.focal_length_35mm,
    }


def _upright_size(header: Header) -> tuple[int, int]:
    size = (header.width, header.height)
    return size[::-1] if header.orientation >= _FIRST_QUARTER_TURN else size
