"""Tell by its structure that a picture file is whole, without decoding it, since the engine decodes it anyway.

A file whose structure is unusual is decoded instead.
"""

from __future__ import annotations

import struct
import zlib

from service.sandbox.decoders.picture_header import Header

_PNG_START = 8
_BMP_HEADER, _BMP_INFO_BYTES, _BMP_PLAIN = struct.Struct("<2sIHHIIiiHHII"), 40, 0


def is_whole(data: bytes, header: Header) -> bool:
    """Whether nothing of the picture is missing, and nothing about it is unusual."""
    match header.format:
        case "jpeg":
            return header.has_end and header.is_plain
        case "png":
            return not header.is_deep and _is_whole_png(data)
        case "bmp":
            return _is_whole_bmp(data, header)
    return False


def _is_whole_png(data: bytes) -> bool:
    """Walk the chunks: one header, first; pixels, in one row of chunks; the end, and each with the right checksum."""
    kinds, place = [], _PNG_START
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return False
        kinds.append(data[place + 4 : place + 8])
        if kinds[-1] == b"IEND":
            return _is_usual_png(kinds)
        place = end + 4
    return False


def _is_usual_png(kinds: list[bytes]) -> bool:
    first = kinds.index(b"IDAT") if b"IDAT" in kinds else len(kinds)
    pixels = kinds.count(b"IDAT")
    return (
        kinds[0] == b"IHDR"
        and kinds.count(b"IHDR") == 1
        and pixels > 0
        and kinds[first : first + pixels] == [b"IDAT"] * pixels
        and b"acTL" not in kinds
    )


def _is_whole_bmp(data: bytes, header: Header) -> bool:
    """Compare the size of an uncompressed one with 24 or 32 bits a pixel with its width and height."""
    if len(data) < _BMP_HEADER.size:
        return False
    *_, offset, info, width, height, planes, bits, compression, _ = _BMP_HEADER.unpack_from(data)
    row = (width * bits + 31) // 32 * 4
    return (
        info == _BMP_INFO_BYTES
        and (width, abs(height), planes, compression) == (header.width, header.height, 1, _BMP_PLAIN)
        and bits in (24, 32)
        and offset >= _BMP_HEADER.size
        and len(data) >= offset + row * abs(height)
    )
