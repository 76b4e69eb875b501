"""Decode pictures, as an engine would see them, and write copies that every engine reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from service.jobs.part import Region
from service.sandbox.decoders.picture_header import (
    PREPARED_PIXELS,
    Header,
    check_pixels,
    open_picture,
    read_header,
    reduction,
)

REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
CAMERA_BITS = (10, 12, 14)
"""Numbers of bits that cameras put into values of 16 bits."""
PNG_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)

_BY_OPENCV = {"jpeg", "png", "bmp", "webp"}
_FLOATS = {"F", "I"}
_BITS_A_VALUE = 258
"""TIFF tag: bits of a value, for each colour."""
_GREY_16 = "I;16"
"""Pillow's mode of grey pictures of 16 bits, of either byte order."""
_END = b"\xff\xd9"
_FILLS = (b"\x55" * 4096 + _END, b"\xaa" * 4096 + _END)

Pixels = NDArray[np.uint8]


def decode_whole(data: bytes, header: Header) -> tuple[Pixels, int | None]:
    """Decode a picture as an engine will see it; also return of how many bits values of 16 bits really are.

    Raises:
        UnreadableMedia: it is broken or cut short.
    """
    pixels = _decoded(data, header, reduction(header))
    if not header.has_end:
        _check_whole(data, header)
    bits = _camera_bits(data) if header.is_deep else None
    if header.format == "tiff":
        bits = _fewer_than_16(_depth_of_tiff(data))
    return (scaled(data, bits, pixels.shape[:2]) if bits and header.is_deep else pixels), bits


def convert(path: str, into: str, max_pixels: int, region: str | None = None) -> dict[str, Any]:
    """Write the picture, upright and with 8 bits a value, as a PNG, and return its size.

    Args:
        region: the part that is written, of the picture at full size; see `jobs.part.Region`.

    Raises:
        MediaError: it cannot be decoded, or has no such region.
    """
    data = Path(path).read_bytes()
    header = read_header(data)
    check_pixels(header, max_pixels)
    pixels = _upright_pixels(data, header, 1 if region else reduction(header))
    height, width = pixels.shape[:2]
    if region:
        pixels = cropped(pixels, Region.parse(region))
    write(pixels, Path(into))
    return {"width": width, "height": height}


def write(pixels: Pixels, into: Path) -> None:
    """Write pixels as a PNG, all at once or not at all."""
    part = into.with_name(f"part-{into.name}")
    if not cv2.imwrite(str(part), pixels, PNG_FAST):
        raise UnreadableMedia("the picture cannot be written as PNG")
    part.replace(into)


def upright_pixels(data: bytes, bits: int | None = None) -> Pixels:
    """Decode a picture that was probed, upright and with 8 bits a value.

    Args:
        bits: number of bits that values of 16 bits really have; None: as the picture's own show it.

    Raises:
        MediaError.
    """
    return _upright_pixels(data, read_header(data), 1, bits)


def _upright_pixels(data: bytes, header: Header, by: int, bits: int | None = None) -> Pixels:
    pixels = _decoded(data, header, by, bits)
    if header.is_deep and (deep := bits or _camera_bits(data)):
        pixels = scaled(data, deep, pixels.shape[:2])
    return pixels


def is_deep(data: bytes) -> bool:
    """Whether a picture that was probed has values of 16 bits that can be scaled."""
    header = read_header(data)
    return header.is_deep or (header.format == "tiff" and _depth_of_tiff(data) is not None)


def cropped(pixels: Pixels, region: Region) -> Pixels:
    """Cut out a region. Raises OptionDoesNotFit where there is none, and MediaTooLarge."""
    region.check_inside(pixels.shape[1], pixels.shape[0])
    if region.width * region.height > PREPARED_PIXELS:
        raise MediaTooLarge(f"a region has at most {PREPARED_PIXELS / 1e6:g} million pixels")
    return pixels[region.y : region.y + region.height, region.x : region.x + region.width]


def decode(path: str) -> Pixels:
    """Return the picture at full size, upright, BGR, shape (height, width, 3). Raises MediaError."""
    data = Path(path).read_bytes()
    return decode_bytes(data, read_header(data))


def decode_bytes(data: bytes, header: Header, bits: int | None = None) -> Pixels:
    """Decode a picture whose size has been compared with the limit, as `decode` does. Raises MediaError."""
    return _by_opencv(data, cv2.IMREAD_COLOR) if header.format in _BY_OPENCV else _by_pillow(data, header, bits)


def _decoded(data: bytes, header: Header, by: int, bits: int | None = None) -> Pixels:
    """Decode, with both sides divided, and compare with the header."""
    if header.format == "jpeg":
        # Its format can be decoded at a fraction of its size.
        pixels = _by_opencv(data if header.has_end else data + _END, REDUCED[by])
    else:
        pixels = decode_bytes(data, header, bits)
        if by > 1:
            size = (-(-pixels.shape[1] // by), -(-pixels.shape[0] // by))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    sides = (-(-header.height // by), -(-header.width // by))
    if sorted(pixels.shape[:2]) != sorted(sides):
        raise UnreadableMedia("the picture's pixels are not as many as its header says")
    return pixels


def _by_opencv(data: bytes, flags: int) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadableMedia("the picture cannot be decoded, or is cut short") from error
    if pixels is None:
        raise UnreadableMedia("the picture cannot be decoded, or is cut short")
    return np.asarray(pixels, np.uint8)


def _by_pillow(data: bytes, header: Header, bits: int | None) -> Pixels:
    """Decode the first frame by Pillow, which knows more formats than OpenCV does."""
    try:
        with open_picture(data) as picture:
            if picture.mode in _FLOATS:
                raise UnsupportedMedia("pictures of floating-point or 32-bit values are not taken")
            picture.load()
            if picture.size != (header.width, header.height):
                raise UnreadableMedia("the picture's pixels are not as many as its header says")
            if picture.mode.startswith(_GREY_16):
                # Loading has turned it upright.
                values = np.asarray(picture)
                picture = Image.fromarray((values >> ((bits or _bits(values) or 16) - 8)).astype(np.uint8))
            elif _lost_its_low_bits(picture):
                raise UnsupportedMedia(
                    "a colour TIFF whose values of 16 bits have 14 or fewer is not taken; save it with 8 bits a value"
                )
            rgb = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error) as error:
        raise UnreadableMedia("the picture cannot be decoded, or is cut short") from error
    return np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])


def _lost_its_low_bits(picture: Image.Image) -> bool:
    """Whether Pillow has kept the upper 8 of 16 bits of a TIFF's values that use the lower ones alone."""
    bits = getattr(picture, "tag_v2", {}).get(_BITS_A_VALUE, (8,))
    return max(bits) > 8 and 0 < int(np.asarray(picture).max()) < 1 << (CAMERA_BITS[-1] - 8)


def _check_whole(data: bytes, header: Header) -> None:
    """Raise UnreadableMedia for a JPEG without its end marker whose picture is cut short.

    What follows a whole picture changes nothing in it.
    """
    flags = REDUCED[reduction(header)]
    one, other = (_by_opencv(data + fill, flags) for fill in _FILLS)
    if not np.array_equal(one, other):
        raise UnreadableMedia("the JPEG is cut short")


def _camera_bits(data: bytes) -> int | None:
    """Return how many bits the values of a 16-bit PNG really have; None where it is 16."""
    return _bits(_deep(data))


def _depth_of_tiff(data: bytes) -> int | None:
    """Return how many bits the values of a 16-bit grey TIFF really have, 16 included; None for any other."""
    with open_picture(data) as picture:
        return (_bits(np.asarray(picture)) or 16) if picture.mode.startswith(_GREY_16) else None


def _fewer_than_16(bits: int | None) -> int | None:
    return None if bits == 16 else bits


def _bits(values: NDArray[np.uint16]) -> int | None:
    highest = int(values.max())
    return next((bits for bits in CAMERA_BITS if highest < 1 << bits), None)


def scaled(data: bytes, bits: int, shape: tuple[int, ...]) -> Pixels:
    """Bring values of so few bits to 8, at the size and in the orientation of the decoded picture."""
    pixels = (_deep(data) >> (bits - 8)).astype(np.uint8)
    if pixels.shape[:2] != shape:
        pixels = np.asarray(cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return pixels


def _deep(data: bytes) -> NDArray[np.uint16]:
    """Decode at 16 bits, upright."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if pixels is None or pixels.dtype != np.uint16:
        raise UnreadableMedia("the picture cannot be decoded, or is cut short")
    return np.asarray(pixels, np.uint16)
