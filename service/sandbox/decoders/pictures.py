"""Pictures: what the header says, whether the file is whole, and whether OpenFace's reader decodes it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, NamedTuple

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia

_OTHERS = (
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"\0\0\x01\0", "ICO"),
)
"""Pictures that we know and do not take."""

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")

# JPEG markers that stand alone, without a length.
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
# Start-of-frame markers, which hold the size.
_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_END, _SCAN, _EXIF = 0xD9, 0xDA, 0xE1


class Header(NamedTuple):
    """What the bytes say before anything is decoded.

    Attributes:
        width, height: in pixels, as stored.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
    """

    format: str
    width: int
    height: int
    orientation: int


def probe(path: str, max_pixels: int) -> dict[str, Any]:
    """The picture as the engine will see it: upright, as EXIF says.

    Raises:
        UnsupportedMedia: a kind of picture that we do not take.
        UnreadableMedia: no picture, or a broken one.
        MediaTooLarge: more than `max_pixels`; judged from the header, before anything is decoded.
    """
    header = read_header(Path(path).read_bytes())
    if header.width <= 0 or header.height <= 0:
        raise UnreadableMedia("the picture's header has no size")
    if header.width * header.height > max_pixels:
        raise MediaTooLarge(
            f"the picture has {header.width} × {header.height} pixels; the limit is {max_pixels / 1e6:g} million"
        )
    height, width = decode(path).shape[:2]
    return {
        "format": header.format,
        "codec": header.format,
        "width": width,
        "height": height,
        "rotation": {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(header.orientation, 0),
        "mirrored": header.orientation in (2, 4, 5, 7),
        "frames": 1,
    }


def convert(path: str, into: str) -> dict[str, Any]:
    """Write the picture, upright, as a PNG.

    Raises:
        UnreadableMedia: it cannot be decoded.
    """
    import cv2

    if not cv2.imwrite(into, decode(path)):
        raise UnreadableMedia("the picture cannot be written as PNG")
    return {"frames": 1}


def decode(path: str) -> Any:
    """The picture, upright, BGR, uint8, shape (height, width, 3). Raises UnreadableMedia."""
    import cv2

    try:
        picture = cv2.imread(path, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadableMedia("the picture cannot be decoded") from error
    if picture is None:
        raise UnreadableMedia("the picture cannot be decoded")
    return picture


def read_header(data: bytes) -> Header:
    """Format, size and orientation; walks the file's structure to its end.

    Raises:
        UnsupportedMedia: another kind of picture.
        UnreadableMedia: no picture, or one whose end is missing.
    """
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith(b"BM"):
            return _bmp(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError) as error:
        raise UnreadableMedia("the picture is cut short") from error
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        raise UnsupportedMedia("HEIC and AVIF pictures are not taken; JPEG, PNG, WebP and BMP are")
    for magic, name in _OTHERS:
        if data.startswith(magic):
            raise UnsupportedMedia(f"{name} is not taken; JPEG, PNG, WebP and BMP are")
    raise UnreadableMedia("the file is empty" if not data else "the file is not a picture, whatever its name says")


def _jpeg(data: bytes) -> Header:
    width = height = 0
    orientation = 1
    place = 2
    while True:
        marker, place = _next_marker(data, place)
        if marker == _END:
            return Header("jpeg", width, height, orientation)
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack_from(">H", data, place)
        segment = data[place + 2 : place + length]
        if marker in _SIZES:
            height, width = struct.unpack_from(">HH", segment, 1)
        elif marker == _EXIF and segment.startswith(b"Exif\0\0"):
            orientation = _orientation(segment[6:])
        place += length
        if marker == _SCAN:
            place = _end_of_scan(data, place)


def _next_marker(data: bytes, place: int) -> tuple[int, int]:
    # Decoders pass over stray bytes between segments, and so do we.
    place = data.find(b"\xff", place)
    if place < 0:
        raise UnreadableMedia("the JPEG is cut short")
    while data[place] == 0xFF:
        place += 1
    return data[place], place + 1


def _end_of_scan(data: bytes, place: int) -> int:
    """Where the next marker begins; in compressed data FF is followed by 00 or a restart marker."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise UnreadableMedia("the JPEG is cut short")
        if data[place + 1] not in (0x00, 0xFF, *range(0xD0, 0xD8)):
            return place
        place += 1 if data[place + 1] == 0xFF else 2


def _orientation(tiff: bytes) -> int:
    """The orientation tag of an EXIF block; 1 where it has none, or is damaged."""
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, start)
        for i in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * i)
            if tag == 0x0112 and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        pass
    return 1


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation = 1
    place = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"eXIf":
            orientation = _orientation(data[place + 8 : place + 8 + length])
        place += 12 + length
        if place > len(data):
            raise UnreadableMedia("the PNG is cut short")
        if name == b"IEND":
            return Header("png", width, height, orientation)


def _bmp(data: bytes) -> Header:
    (start, header_size) = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        bits, compression = struct.unpack_from("<H", data, 24)[0], 0
    else:
        width, height = struct.unpack_from("<ii", data, 18)
        bits, compression = struct.unpack_from("<HI", data, 28)
    height = abs(height)
    # Rows are padded to 4 bytes; compressed ones have no size that could be foretold.
    if compression in (0, 3) and start + (width * bits + 31) // 32 * 4 * height > len(data):
        raise UnreadableMedia("the BMP is cut short")
    return Header("bmp", width, height, 1)


def _webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise UnreadableMedia("the WebP is cut short")
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    return Header("webp", width, height, 1)
