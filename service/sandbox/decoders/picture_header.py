"""Read a picture's header before anything is decoded: format, size, orientation, and whether the file is one picture.

Pillow reads the headers. A JPEG's markers are walked here as well: decoders believe other frame headers than readers
of headers do, where a file has several.
"""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.jobs import media_kind
from service.jobs.media_kind import AT_ONCE, names_of

FORMATS = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "BMP": "bmp",
    "DIB": "bmp",
    "WEBP": "webp",
    "HEIF": "heic",
    "AVIF": "avif",
    "TIFF": "tiff",
    "GIF": "gif",
}
"""Format by Pillow's name; MPO is a JPEG with further ones behind it."""
_OPENED = [name for name in FORMATS if name not in ("MPO", "HEIF")]
NAMES = names_of([each for each in media_kind.FORMATS if each.media == "image"], "and")

PREPARED_PIXELS = 64_000_000
"""A picture of more pixels is reduced for the engine, which needs several times its pixels in memory."""
DIVISORS = (1, 2, 4)
"""By which both sides of a picture may be divided: by these a JPEG is decoded straight at a smaller size."""
ORIENTATION = 0x0112
"""EXIF tag: 1 to 8; 1 is upright."""
EXIF_BLOCK, FOCAL_LENGTH_35MM = 0x8769, 0xA405
"""EXIF tags of the block of the camera, and in it of the focal length by 35 mm film; 0 is unknown."""
LONGEST_LENS_MM = 10_000
_BROKEN = (ValueError, TypeError, OSError, SyntaxError, struct.error, ZeroDivisionError, KeyError)

# JPEG markers that stand alone, without a length.
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_END, _SCAN = 0xD9, 0xDA
# Baseline, extended and progressive by Huffman coding.
_USUAL_FRAMES = {0xC0, 0xC1, 0xC2}
_MANY_SCANS = 32

_KNOWN = ((b"%PDF", "PDF"), (b"\0\0\x01\0", "ICO"), (b"8BPS", "Photoshop"), (b"\0\0\0\x0cJXL", "JPEG XL"))
"""Pictures that are known and not taken."""

HAS_HEIF = find_spec("pillow_heif") is not None
"""False in an installation without the extra `media`."""
_FTYP = b"ftyp"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class Header(NamedTuple):
    """Facts of a picture by its header.

    Attributes:
        width, height: in pixels, as stored.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        is_deep: PNG with 16 bits a value.
        has_end: False for a JPEG that lacks its end marker, and may be cut short.
        focal_length_35mm: in mm, for the same view on film of 36 × 24 mm; None where EXIF does not state it.
        is_plain: a JPEG of a usual coding, with few scans, whose orientation every reader finds.
    """

    format: str
    width: int
    height: int
    orientation: int
    is_deep: bool = False
    has_end: bool = True
    focal_length_35mm: float | None = None
    is_plain: bool = False


def read_header(data: bytes) -> Header:
    """Read the header.

    Raises:
        UnsupportedMedia: another kind of picture.
        UnreadableMedia: no picture, or one whose size is not certain.
    """
    with open_picture(data) as picture:
        kind = FORMATS[picture.format or ""]
        width, height = picture.size
        exif = _exif(picture)
        orientation, focal_length = _orientation(exif), _focal_length(exif)
        is_certain = orientation == _orientation(_exif_block(picture))
    if width <= 0 or height <= 0:
        raise UnreadableMedia("the picture's header has no size")
    if kind == "jpeg":
        has_end, is_usual = _check_jpeg(data, (width, height))
        is_plain = is_usual and is_certain
        return Header(kind, width, height, orientation, False, has_end, focal_length, is_plain)
    is_deep = kind == "png" and data[24:25] == b"\x10"
    return Header(kind, width, height, orientation, is_deep=is_deep, focal_length_35mm=focal_length)


def read_still_header(data: bytes) -> Header:
    """Read the header of a picture that is to be answered at once: not of a GIF, which may be animated.

    Raises:
        UnsupportedMedia, UnreadableMedia: see `read_header`.
    """
    if data.startswith(b"GIF8"):
        raise UnsupportedMedia(f"GIF is not taken here; {names_of(AT_ONCE, 'and')} are")
    return read_header(data)


def open_picture(data: bytes) -> Image.Image:
    """Open with Pillow, which reads the header only.

    Raises:
        UnsupportedMedia, UnreadableMedia: see `read_header`.
    """
    # Sizes are compared with the limit by the caller.
    Image.MAX_IMAGE_PIXELS = None
    opened = _OPENED
    if HAS_HEIF and data[4:8] == _FTYP:
        _know_heif()
        opened = ["HEIF", *_OPENED]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=opened)
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError:
        raise
    except Exception as error:
        # Readers of formats raise whatever comes out of hostile bytes.
        raise UnreadableMedia("the picture's header is damaged or cut short") from error


@cache
def _know_heif() -> None:
    """Teach Pillow HEIC; only where a file may be one, since the decoder's libraries take long to load."""
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def _exif(picture: Image.Image) -> Image.Exif:
    """Read the EXIF data; empty where there is none that can be read."""
    if picture.format != "PNG":
        with suppress(*_BROKEN):
            return picture.getexif()
    # Pillow would decode the whole PNG first, since the block may also stand at the end.
    return _exif_block(picture)


def _exif_block(picture: Image.Image) -> Image.Exif:
    """Read the EXIF block alone, as OpenCV does; Pillow goes on to XMP."""
    exif = Image.Exif()
    with suppress(*_BROKEN):
        exif.load(picture.info.get("exif") or b"")
    return exif


def _orientation(exif: Image.Exif) -> int:
    orientation = 1
    with suppress(*_BROKEN):
        orientation = int(exif.get(ORIENTATION, 1))
    return orientation if 1 <= orientation <= 8 else 1


def _focal_length(exif: Image.Exif) -> float | None:
    length = 0.0
    with suppress(*_BROKEN):
        length = float(exif.get_ifd(EXIF_BLOCK).get(FOCAL_LENGTH_35MM, 0))
    return length if 1 <= length <= LONGEST_LENS_MM else None


def check_pixels(header: Header, max_pixels: int) -> None:
    """Raise MediaTooLarge."""
    if header.width * header.height > max_pixels:
        raise MediaTooLarge(
            f"the picture has {header.width} × {header.height} pixels; the limit is {max_pixels / 1e6:g} million"
        )


def reduction(header: Header) -> int:
    """Return by how much both sides are divided so that the picture keeps below `PREPARED_PIXELS`."""
    pixels = header.width * header.height
    return next((by for by in DIVISORS if pixels / by**2 <= PREPARED_PIXELS), max(DIVISORS))


def _unidentified(data: bytes) -> UnsupportedMedia | UnreadableMedia:
    for magic, name in _KNOWN:
        if data.startswith(magic):
            return UnsupportedMedia(f"{name} is not taken; {NAMES} are")
    if not HAS_HEIF and data[4:8] == _FTYP and data[8:12] in _HEIF_BRANDS:
        return UnsupportedMedia("HEIC needs the extra `media`: pip install 'faceline[media]'")
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF")):
        return UnreadableMedia("the picture's header is damaged, or the file is cut short")
    return UnreadableMedia("the file is empty" if not data else "the file is not a picture, whatever its name says")


def _check_jpeg(data: bytes, size: tuple[int, int]) -> tuple[bool, bool]:
    """Walk a JPEG's markers to its end; return whether it has an end marker, and whether its coding is a usual one.

    Raises:
        UnreadableMedia: it breaks off before its picture, or has several frame headers, or one of another size.
    """
    frames, scans, place, is_usual = 0, 0, 2, True
    while True:
        marker, place = _next_marker(data, place)
        if marker is None or marker == _END:
            if not frames or not scans:
                raise UnreadableMedia("the JPEG is cut short")
            return marker == _END, is_usual and scans <= _MANY_SCANS
        if marker in _STANDALONE:
            continue
        if place + 2 > len(data):
            raise UnreadableMedia("the JPEG is cut short")
        (length,) = struct.unpack_from(">H", data, place)
        if marker in _FRAME_HEADERS:
            frames += 1
            is_usual = marker in _USUAL_FRAMES and data[place + 2 : place + 3] == b"\x08"
            if frames > 1 or scans or data[place + 3 : place + 7] != struct.pack(">HH", size[1], size[0]):
                raise UnreadableMedia("the JPEG has several frame headers, or one that contradicts the others")
        place += max(length, 2)
        if marker == _SCAN:
            scans += 1
            place = _end_of_scan(data, place)


def _next_marker(data: bytes, place: int) -> tuple[int | None, int]:
    """Find the next marker as libjpeg does, which passes over stray bytes and over FF 00; None at the end."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0:
            return None, len(data)
        while place < len(data) and data[place] == 0xFF:
            place += 1
        if place == len(data):
            return None, place
        if data[place]:
            return data[place], place + 1


def _end_of_scan(data: bytes, place: int) -> int:
    """Find where the next marker begins: in compressed data FF is followed by 00 or a restart marker."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            return len(data)
        if data[place + 1] not in (0x00, 0xFF, *range(0xD0, 0xD8)):
            return place
        place += 1 if data[place + 1] == 0xFF else 2
