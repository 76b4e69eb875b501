"""Sequences of pictures: whether each is whole, and copies of those that engines would read otherwise."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from service.errors import MediaError, UnreadableMedia
from service.jobs.part import Region
from service.sandbox.decoders import picture_probe, pictures
from service.sandbox.decoders.pictures import Pixels

READ_BY_ENGINES = {"jpeg", "png", "bmp"}


def probe(path: str, altered: str, max_pixels: int) -> dict[str, Any]:
    """Decode all pictures of a folder, in the order of their names.

    Args:
        altered: gets the numbers, from 1, of those that engines would read otherwise, as int64.

    Raises:
        MediaError: a picture cannot be used; the message has its number.
    """
    sizes: set[tuple[int, int]] = set()
    numbers = array("q")
    first: dict[str, Any] = {}
    for number, file in enumerate(sorted(Path(path).iterdir()), 1):
        with _about(number):
            facts = picture_probe.probe(str(file), max_pixels)
        first = first or facts
        sizes.add((facts["width"], facts["height"]))
        if _is_altered(facts):
            numbers.append(number)
    Path(altered).write_bytes(numbers.tobytes())
    return {
        "format": first["format"],
        "codec": first["codec"],
        "width": max(width for width, _ in sizes),
        "height": max(height for _, height in sizes),
        "frames": number,
        "sizes": len(sizes),
        "altered": len(numbers),
    }


def convert(path: str, into: str, altered: str, width: int, height: int, region: str | None) -> dict[str, Any]:
    """Write PNGs of one size, upright and with 8 bits a value, of the pictures that need one.

    Args:
        altered: file of `probe`.
        width, height: of all pictures; smaller ones get bars.
        region: the part that is written; see `jobs.part.Region`.
    """
    numbers = array("q", Path(altered).read_bytes())
    written = 0
    for number, file in enumerate(sorted(Path(path).iterdir()), 1):
        with _about(number):
            pixels = pictures.upright_pixels(file.read_bytes())
            if number not in numbers and pixels.shape[:2] == (height, width) and not region:
                continue
            pixels = _letterboxed(pixels, width, height)
            if region:
                pixels = pictures.cropped(pixels, Region.parse(region))
            if not cv2.imwrite(str(Path(into) / f"{file.name}.png"), pixels, pictures.PNG_FAST):
                raise UnreadableMedia("it cannot be written as PNG")
        written += 1
    return {"written": written}


def _is_altered(facts: dict[str, Any]) -> bool:
    """Whether engines would read the picture otherwise, or not at all."""
    is_turned = facts["format"] != "jpeg" and (facts["rotation"] or facts["mirrored"])
    return bool(facts["format"] not in READ_BY_ENGINES or is_turned or not facts["has_end"] or facts["value_bits"])


def _letterboxed(pixels: Pixels, width: int, height: int) -> Pixels:
    down, across = pixels.shape[:2]
    if (down, across) == (height, width):
        return pixels
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - down) // 2, (width - across) // 2
    canvas[top : top + down, left : left + across] = pixels
    return canvas


@contextmanager
def _about(number: int) -> Iterator[None]:
    """Put the picture's number before an error's message."""
    try:
        yield
    except MediaError as error:
        raise type(error)(f"picture {number} of the sequence: {error.message}") from error
