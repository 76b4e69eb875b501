"""A picture as the engine will see it: its size upright, and which way it lies."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from service.errors import MediaTooLarge
from service.sandbox.decoders.picture_probe import probe
from tests.fixtures import clips


@pytest.mark.parametrize(
    ("orientation", "rotation", "mirrored"),
    [
        (1, 0, False),
        (2, 0, True),
        (3, 180, False),
        (4, 180, True),
        (5, 90, True),
        (6, 90, False),
        (7, 270, True),
        (8, 270, False),
    ],
)
def test_each_orientation_is_a_turn_and_perhaps_a_mirror(
    tmp_path: Path, orientation: int, rotation: int, mirrored: bool
) -> None:
    found = probe(str(clips.with_orientation(clips.picture(tmp_path / "a.jpg"), orientation)), 10_000)
    assert (found["rotation"], found["mirrored"]) == (rotation, mirrored)
    assert (found["width"], found["height"]) == ((48, 64) if rotation in (90, 270) else (64, 48))


def test_a_limit_is_judged_by_the_header(tmp_path: Path) -> None:
    path = str(clips.picture(tmp_path / "a.png"))
    assert probe(path, 64 * 48)["frames"] == 1
    with pytest.raises(MediaTooLarge):
        probe(path, 64 * 48 - 1)


def test_a_picture_is_converted_only_where_the_engine_needs_another_file(tmp_path: Path) -> None:
    into = tmp_path / "converted.png"
    probe(str(clips.picture(tmp_path / "a.jpg")), 10_000, str(into))
    assert not into.exists()
    probe(str(clips.picture(tmp_path / "a.webp")), 10_000, str(into))
    assert cv2.imread(str(into)).shape == (48, 64, 3)


def test_values_of_few_bits_are_told_and_scaled(tmp_path: Path) -> None:
    path, into = tmp_path / "a.png", tmp_path / "converted.png"
    assert cv2.imwrite(str(path), np.full((8, 8), 4095, np.uint16))
    assert probe(str(path), 10_000, str(into))["value_bits"] == 12
    # 4095 of 12 bits is the brightest value.
    assert (cv2.imread(str(into)) == 255).all()
