"""Sequences of pictures: whether each is whole, and copies of those that engines would read otherwise."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
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
    few_bits: dict[int, int] = {}
    first: dict[str, Any] = {}
    for number, file in enumerate(sorted(Path(path).iterdir()), 1):
        with _about(number):
            facts = picture_probe.probe(str(file), max_pixels)
        first = first or facts
        sizes.add((facts["width"], facts["height"]))
        if _is_altered(facts):
            numbers.append(number)
        if facts["value_bits"]:
            few_bits[number] = facts["value_bits"]
    bits = _common_bits(path, few_bits) if few_bits else None
    if bits:
        numbers = array("q", sorted({*numbers, *few_bits}))
    Path(altered).write_bytes(numbers.tobytes())
    return {
        "format": first["format"],
        "codec": first["codec"],
        "width": max(width for width, _ in sizes),
        "height": max(height for _, height in sizes),
        "frames": number,
        "sizes": len(sizes),
        "altered": len(numbers),
        "value_bits": bits,
    }


def convert(
    path: str, into: str, altered: str, width: int, height: int, region: str | None, bits: int = 16
) -> dict[str, Any]:
    """Write PNGs of one size, upright and with 8 bits a value, of the pictures that need one.

    Args:
        altered: file of `probe`.
        width, height: of all pictures; smaller ones get bars.
        region: the part that is written; see `jobs.part.Region`.
        bits: number of bits that all values of 16 bits really have.
    """
    numbers = array("q", Path(altered).read_bytes())
    written = 0
    for number, file in enumerate(sorted(Path(path).iterdir()), 1):
        with _about(number):
            pixels = pictures.upright_pixels(file.read_bytes(), bits)
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
    """Whether engines would read the picture otherwise, or not at all, whatever the bits of its values."""
    is_turned = facts["format"] != "jpeg" and (facts["rotation"] or facts["mirrored"])
    return bool(facts["format"] not in READ_BY_ENGINES or is_turned or not facts["has_end"])


def _common_bits(path: str, few_bits: Mapping[int, int]) -> int | None:
    """Return how many bits the pictures' values of 16 bits have together; None where it is 16.

    By its own values a dark picture would have fewer than the others, and come out bright among them.

    Args:
        few_bits: by the number of each picture that has fewer than 16.
    """
    others = (file for number, file in enumerate(sorted(Path(path).iterdir()), 1) if number not in few_bits)
    return None if any(pictures.is_deep(file.read_bytes()) for file in others) else max(few_bits.values())


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
