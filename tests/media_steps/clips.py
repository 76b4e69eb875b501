"""Small pictures and videos, made in code."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ONE = 1 << 16
UPRIGHT = (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
QUARTER_CLOCKWISE = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)
HALF = (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30)
QUARTER_BACK = (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30)
MIRRORED = (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
"""Display matrices, as phones write them: how the stored frame is to be turned."""


def corner(width: int = 64, height: int = 48) -> np.ndarray:
    """Black, with a red top left quarter (BGR)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (0, 0, 255)
    return picture


def picture(path: Path, width: int = 64, height: int = 48) -> Path:
    assert cv2.imwrite(str(path), corner(width, height))
    return path


def clip(
    path: Path,
    frames: int = 20,
    width: int = 64,
    height: int = 48,
    codec: str = "libx264",
    times_ms: Sequence[int] | None = None,
    rate: int = 25,
    **options: str,
) -> Path:
    """A clip of `corner`: `rate` frames a second, or a frame at each of `times_ms`, whatever the header says."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if times_ms:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i in range(len(times_ms) if times_ms else frames):
            frame = av.VideoFrame.from_ndarray(corner(width, height), "bgr24")
            if times_ms:
                frame.pts, frame.time_base = times_ms[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A file with a sound track only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(source: Path, target: Path, matrix: Sequence[int]) -> Path:
    """The MP4 with another display matrix in its track header."""
    data = bytearray(source.read_bytes())
    place = data.index(b"tkhd") + 44
    assert struct.unpack_from(">9i", data, place) == UPRIGHT
    struct.pack_into(">9i", data, place, *matrix)
    target.write_bytes(data)
    return target


def cut(source: Path, target: Path, share: float) -> Path:
    """The first part of a file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def with_png_orientation(png: Path, orientation: int) -> Path:
    """The PNG with an `eXIf` chunk."""
    body = b"eXIf" + _tiff(orientation)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = png.read_bytes()
    png.write_bytes(data[:33] + chunk + data[33:])
    return png


def with_orientation(jpeg: Path, orientation: int) -> Path:
    """The JPEG with an EXIF orientation."""
    exif = b"Exif\0\0" + _tiff(orientation)
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    return jpeg


def _tiff(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0"
