"""Faces cut out upright: level eyes, the face in the middle, black beyond the picture. Loads no model."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from service.identity.aligned import CUT_SIDE, LEFT_EYE, MARGIN, RIGHT_EYE, THUMBNAIL_SIDE, AlignedFace, _region


def landmarks(turn_deg: float = 0.0, middle: tuple[float, float] = (200.0, 150.0)) -> np.ndarray:
    """A face 100 pixels wide and high whose eyes are level, turned clockwise."""
    points = np.zeros((68, 2))
    points[0], points[16], points[8] = (-50, 0), (50, 0), (0, 50)
    points[27] = (0, -50)
    points[LEFT_EYE], points[RIGHT_EYE] = (-20, -10), (20, -10)
    angle = math.radians(turn_deg)
    turned = points @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return turned + middle


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, -45.0, 170.0])
def test_a_cut_is_around_the_face_whichever_way_it_is_turned(turn_deg: float) -> None:
    region = _region(landmarks(turn_deg))
    assert region.angle == pytest.approx(math.radians(turn_deg))
    assert region.size == pytest.approx(100 * MARGIN)
    assert (region.center_x, region.center_y) == (pytest.approx(200), pytest.approx(150))


def picture(turn_deg: float) -> np.ndarray:
    """A white dot to the right of the face's middle, as the face sees it."""
    image = np.zeros((300, 400, 3), np.uint8)
    angle = math.radians(turn_deg)
    cv2.circle(image, (round(200 + 30 * math.cos(angle)), round(150 + 30 * math.sin(angle))), 6, (255, 255, 255), -1)
    return image


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, -30.0])
def test_a_turned_face_is_cut_out_upright(turn_deg: float) -> None:
    data = AlignedFace(picture(turn_deg), landmarks(turn_deg)).thumbnail()
    small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert small.shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    rows, columns = np.nonzero(small > 128)
    # 30 of 150 pixels to the right of the middle.
    assert columns.mean() == pytest.approx(THUMBNAIL_SIDE * (0.5 + 30 / 150), abs=2)
    assert rows.mean() == pytest.approx(THUMBNAIL_SIDE / 2, abs=2)


def test_what_lies_beyond_the_picture_is_black() -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    data = AlignedFace(white, landmarks(middle=(0.0, 150.0))).thumbnail()
    small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    half = THUMBNAIL_SIDE // 2
    assert small[:, : half - 4].max() < 40 and small[:, half + 4 :].min() > 215
    assert CUT_SIDE > THUMBNAIL_SIDE
