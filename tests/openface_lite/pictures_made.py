"""Pictures of the kinds that cv2 does not write: CMYK, turned by EXIF, and headers that promise too much."""

import struct

import cv2
import numpy as np

# One JPEG segment: marker, then its length including the two bytes that say it.
_SOF, _SOS, _APP1, _APP14 = 0xC0, 0xDA, 0xE1, 0xEE


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _parts(jpeg: bytes) -> tuple[dict[int, list[bytes]], bytes]:
    """The segments before the scan by marker, and the scan's entropy-coded data."""
    segments: dict[int, list[bytes]] = {}
    place = 2
    while True:
        marker, length = struct.unpack_from(">xBH", jpeg, place)
        segments.setdefault(marker, []).append(jpeg[place + 4 : place + 2 + length])
        place += 2 + length
        if marker == _SOS:
            return segments, jpeg[place:-2]


def cmyk_jpeg(image: np.ndarray) -> bytes:
    """A picture as print houses store it: four inks, inverted as Adobe does, a scan each, no black used.

    Put together from four grey JPEGs, whose scans are the same as those of single components.
    """
    inks = [*cv2.split(image)[::-1], np.full(image.shape[:2], 255, np.uint8)]
    files = [_parts(cv2.imencode(".jpg", ink, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()) for ink in inks]
    tables = files[0][0]
    height, width = image.shape[:2]
    frame = struct.pack(">BHHB", 8, height, width, 4) + b"".join(bytes([i, 0x11, 0]) for i in (1, 2, 3, 4))
    parts = [b"\xff\xd8", _segment(_APP14, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0))]
    parts += [_segment(0xDB, table) for table in tables[0xDB]]
    parts += [_segment(_SOF, frame)]
    parts += [_segment(0xC4, table) for table in tables[0xC4]]
    for number, (_, scan) in enumerate(files, start=1):
        parts += [_segment(_SOS, bytes([1, number, 0x00, 0, 63, 0])), scan]
    return b"".join(parts) + b"\xff\xd9"


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG that says how it is to be turned when shown: 6 is clockwise, 3 is upside down, 8 the other way."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    return jpeg[:2] + _segment(_APP1, b"Exif\0\0" + tiff) + jpeg[2:]


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of that size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def jpeg_header(width: int, height: int) -> bytes:
    """The beginning of a JPEG of that size."""
    return b"\xff\xd8" + _segment(_SOF, struct.pack(">BHHB", 8, height, width, 3) + bytes(9)) + bytes(64)
