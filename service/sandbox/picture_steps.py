"""Say what has to be done to a picture before an engine reads it.

Separate because the child that looks at a picture has to know it as well, and loads little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CONVERTED = {"webp": "WebP", "heic": "HEIC", "avif": "AVIF", "tiff": "TIFF", "gif": "GIF (its first frame)"}
"""Formats of pictures that are shown to engines as PNG."""
END_ADDED = "given the end marker that it lacks"


def picture_steps(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what has to be done, from the fields of a `Probe`.

    Many builds of OpenCV, and so of OpenFace, read JPEG, PNG and BMP only.
    """
    if found["format"] in CONVERTED:
        yield f"converted from {CONVERTED[found['format']]} to PNG"
    if not found["has_end"]:
        yield END_ADDED
    if found["value_bits"]:
        yield f"scaled from values of {found['value_bits']} bits"
    if found["reduction"] > 1:
        size = f"{found['width']} × {found['height']}"
        yield f"reduced to 1/{found['reduction']} of its width and height, {size}"
    # OpenCV turns JPEGs; older ones turn no PNGs.
    if found["format"] != "jpeg" and (found["rotation"] or found["mirrored"]):
        yield "turned upright"


def is_converted(found: Mapping[str, Any]) -> bool:
    """Whether the engine is shown a PNG in place of the file."""
    return any(step != END_ADDED for step in picture_steps(found))
