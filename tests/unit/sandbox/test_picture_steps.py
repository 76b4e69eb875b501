"""What has to be done to a picture before an engine reads it, by its probe."""

from __future__ import annotations

from typing import Any

import pytest

from service.sandbox.picture_steps import END_ADDED, is_converted, picture_steps

JPEG = {"format": "jpeg", "has_end": True, "value_bits": None, "reduction": 1, "rotation": 0, "mirrored": False}
SIZE = {"width": 6000, "height": 4500}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({}, []),
        # OpenCV turns JPEGs by itself.
        ({"rotation": 90, "mirrored": True}, []),
        ({"format": "png", "rotation": 90}, ["turned upright"]),
        ({"format": "bmp", "mirrored": True}, ["turned upright"]),
        ({"format": "png"}, []),
        ({"format": "webp"}, ["converted from WebP to PNG"]),
        ({"format": "gif"}, ["converted from GIF (its first frame) to PNG"]),
        ({"format": "png", "value_bits": 12}, ["scaled from values of 12 bits"]),
        ({"reduction": 2}, ["reduced to 1/2 of its width and height, 6000 \N{MULTIPLICATION SIGN} 4500"]),
        ({"format": "heic", "rotation": 180}, ["converted from HEIC to PNG", "turned upright"]),
    ],
)
def test_each_step_is_named(change: dict[str, Any], steps: list[str]) -> None:
    found = JPEG | SIZE | change
    assert list(picture_steps(found)) == steps
    assert is_converted(found) is bool(steps)


def test_a_missing_end_marker_is_added_without_converting() -> None:
    found = JPEG | SIZE | {"has_end": False}
    assert list(picture_steps(found)) == [END_ADDED]
    assert not is_converted(found)
    assert is_converted(found | {"reduction": 4})
