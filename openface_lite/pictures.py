"""Read pictures: upright, as (height, width, 3) uint8 BGR, and huge ones at a reduced size."""

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from openface_lite.arrays import Array, Image
from openface_lite.crop import Region, cut

# What the real tools take from a folder: lower case only, not recursive, sorted as text.
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")

# Pictures are analysed with at most this many pixels on their longer side. A face that fills a tile of the
# detector is still several times larger than what the landmark network sees (192 pixels).
MAX_SIDE = 4096
# Refused before decoding, where the header says so in time (JPEG, PNG): as many would take 0.8 GB.
_MAX_PIXELS = 2**28
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# JPEG's start-of-frame markers: C0 to CF without the tables C4, C8 and CC (ITU-T T.81, table B.1).
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCALE_FROM_16_BIT = 257


class MediaError(Exception):
    """A file cannot be opened or decoded."""


class Picture:
    """A picture to analyse.

    ``width`` and ``height`` are those of the full-size picture, in whose pixels every result is given.
    """

    def __init__(self, pixels: Image, width: int, height: int) -> None:
        self._pixels = pixels
        self.width = width
        self.height = height

    @property
    def pixels(self) -> Image:
        """(height, width, 3) uint8 BGR, upright, at most MAX_SIDE on its longer side."""
        return self._pixels

    def rgb(self, region: Region, side: int) -> Image:
        """A region of ``pixels`` as (side, side, 3) uint8 RGB; what lies outside the picture is black."""
        return np.asarray(cv2.cvtColor(cut(self.pixels, region, side), cv2.COLOR_BGR2RGB), dtype=np.uint8)

    @property
    def is_reduced(self) -> bool:
        """True if the pixels are fewer than the picture has."""
        return (self.height, self.width) != self.pixels.shape[:2]

    def to_full_size(self, points: Array) -> Array:
        """Points (n, 2 or 3) of ``pixels`` in full-size pixels. Pixel centres lie at whole numbers."""
        height, width = self.pixels.shape[:2]
        scale = np.array([self.width / width, self.height / height, max(self.width, self.height) / max(width, height)])
        shift = np.array([0.5, 0.5, 0.0])
        columns = points.shape[1]
        return np.asarray((points + shift[:columns]) * scale[:columns] - shift[:columns])


def picture_of_frame(frame: "Image | Picture") -> Picture:
    """A video frame, analysed as it is."""
    if isinstance(frame, Picture):
        return frame
    height, width = frame.shape[:2]
    return Picture(frame, width, height)


def picture_of(source: "NDArray[np.generic] | Path | str | bytes") -> Picture:
    """A picture from an array, a file or a file's bytes.

    An array is (height, width), or (height, width, 1, 3 or 4) with BGR or BGRA, as uint8 or uint16; a fourth
    channel is left out, as in the files of the same kind. Raises MediaError for what cannot be decoded and
    ValueError for an array of another kind.
    """
    if isinstance(source, bytes):
        return _decode(source, "the given bytes")
    if isinstance(source, (str, Path)):
        return read_picture(Path(source))
    image = _as_bgr(source)
    height, width = image.shape[:2]
    return Picture(_bounded(image), width, height)


def read_picture(path: Path) -> Picture:
    """A picture file with its EXIF rotation applied, a huge one at a reduced size. Raises MediaError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MediaError(f"Could not read the image {path}") from error
    return _decode(content, str(path))


def read_image(path: Path | str) -> Image:
    """A picture file as (height, width, 3) uint8 BGR, upright, in full size. Raises MediaError."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise MediaError(f"Could not read the image {path}") from error
    _check_size(_header_size(content), str(path))
    return _imdecode(content, cv2.IMREAD_COLOR, str(path))


def images_in(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by path as text. Raises MediaError."""
    try:
        found = [path for path in folder.iterdir() if path.suffix in _IMAGE_SUFFIXES]
    except OSError as error:
        raise MediaError(f"Could not list the folder {folder}") from error
    return sorted(found, key=str)


def _decode(content: bytes, name: str) -> Picture:
    """Decode; a large JPEG at a half, a quarter or an eighth, which its format does while decoding."""
    size = _header_size(content)
    _check_size(size, name)
    factor = _reduction(size) if content.startswith(b"\xff\xd8") else 1
    pixels = _imdecode(content, _REDUCED.get(factor, cv2.IMREAD_COLOR), name)
    height, width = pixels.shape[:2]
    if factor > 1:
        width, height = _turned_like(pixels, size, factor)
    return Picture(_bounded(pixels), width, height)


def _imdecode(content: bytes, flag: int, name: str) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flag) if content else None
    except cv2.error as error:
        raise MediaError(f"Could not decode the image {name}") from error
    if image is None:
        raise MediaError(f"Could not decode the image {name}")
    return np.asarray(image, dtype=np.uint8)


def _check_size(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > _MAX_PIXELS:
        raise MediaError(f"The image {name} is too large: {size[0]} x {size[1]} pixels")


def _reduction(size: tuple[int, int]) -> int:
    return next((factor for factor in (1, 2, 4) if max(size) <= factor * MAX_SIDE), 8)


def _turned_like(pixels: Image, size: tuple[int, int], factor: int) -> tuple[int, int]:
    """The header's width and height, swapped if EXIF turned the decoded picture by a quarter."""
    expected = tuple(-(-length // factor) for length in size)
    return size if (pixels.shape[1], pixels.shape[0]) == expected else (size[1], size[0])


def _header_size(content: bytes) -> tuple[int, int]:
    """Width and height as a PNG's or JPEG's header says; (0, 0) for other formats and damaged files."""
    if content.startswith(_PNG_SIGNATURE) and len(content) >= 24:
        width, height = struct.unpack_from(">II", content, 16)
        return int(width), int(height)
    return _jpeg_size(content) if content.startswith(b"\xff\xd8") else (0, 0)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the frame header: FF marker, length, precision, height, width (ITU-T T.81, B.2.2)."""
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = struct.unpack_from(">xBH", content, place)
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return int(width), int(height)
        # A marker may be preceded by fill bytes.
        place += 1 if marker == 0xFF else 2 + length
    return 0, 0


def _as_bgr(image: "NDArray[np.generic]") -> Image:
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(f"not a picture: an array of shape {image.shape}")
    if image.dtype == np.uint16:
        image = image.astype(np.uint32) // _SCALE_FROM_16_BIT
    elif image.dtype != np.uint8:
        raise ValueError(f"not a picture: an array of {image.dtype}; wanted are uint8 and uint16")
    if channels == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[:, :, :3], dtype=np.uint8)


def _bounded(image: Image) -> Image:
    """At most MAX_SIDE on the longer side."""
    height, width = image.shape[:2]
    scale = MAX_SIDE / max(width, height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
