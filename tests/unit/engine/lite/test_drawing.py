"""Drawings are where the face is, in its colours, and only in a copy."""

from __future__ import annotations

import numpy as np

from service.engine.lite.drawing import BAR, BOX, LANDMARK, PANEL_SHADE, WEAK_BAR, draw, largest
from tests.unit.engine.lite.test_face import view

BLACK = np.zeros((480, 640, 3), np.uint8)


def has(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (pixels == colour).all(axis=2)


def test_each_landmark_is_a_spot_at_its_place() -> None:
    # Without pose, gaze and a box of its own over them nothing covers the landmarks.
    face = view(**{f"gaze_{eye}_{axis}": "" for eye in "01" for axis in "xyz"})
    drawn = draw(BLACK, [face], pose_box=True)
    spots = has(drawn, LANDMARK)
    assert sum(spots[round(y), round(x)] for x, y in face.landmarks) > 60
    assert not spots[:290].any() and not spots[380:].any()
    assert not BLACK.any()


def test_a_reduced_copy_has_its_drawing_at_the_reduced_place() -> None:
    drawn = draw(BLACK, [view()], scale=0.5)
    assert drawn.shape == (240, 320, 3)
    # Lines are smoothed: the left and the upper side are nearly as red as boxes are, and nothing is beside them.
    red = drawn[:, :, 2].astype(int)
    assert min(red[155:180, 50].mean(), red[150, 55:80].mean()) > 0.8 * BOX[2]
    assert red[155:180, 47].max() == red[147, 55:80].max() == 0


def test_bars_are_on_their_side_as_long_as_the_unit_is_intense() -> None:
    def filled(**units: str) -> int:
        left = draw(BLACK, [view(**units)], bars="left")[:40, :200]
        return int(has(left, WEAK_BAR).sum())

    assert 0 < filled(AU12_r="1") < filled(AU12_r="2.5") < filled(AU12_r="5") == filled(AU12_r="9")
    right = draw(BLACK, [view(AU04_r="3")], bars="right")
    assert has(right, BAR)[:60, 400:].any() and not has(right, BAR)[:60, :400].any()
    assert not has(draw(BLACK, [view()]), WEAK_BAR).any()


def test_the_panel_is_of_the_largest_face() -> None:
    small, large = view(), view(x_0="0")
    assert largest([small, large]) is large
    assert draw(BLACK, [], bars="left").any() == np.False_


def test_colours_tell_landmarks_lines_of_sight_and_axes_apart() -> None:
    drawn = draw(BLACK, [view()])
    # Green, and red, green and blue, in BGR.
    for colour in ((120, 255, 120), (60, 60, 255), (60, 255, 60), (255, 120, 60)):
        assert has(drawn, colour).any(), colour
    # Lines of sight are cyan, and smoothed; they end beyond the other canvas.
    blue, green, red = draw(np.zeros((900, 1000, 3), np.uint8), [view()]).astype(int).transpose(2, 0, 1)
    assert ((blue > 120) & (abs(blue - green) < 20) & (red < 30)).any()


def test_the_panel_darkens_what_is_behind_it_alone() -> None:
    grey = np.full((480, 640, 3), 100, np.uint8)
    plain, drawn = draw(grey, [view()]), draw(grey, [view()], bars="left")
    changed = (plain != drawn).any(axis=2)
    height, width = changed.any(axis=1).argmin(), changed.any(axis=0).argmin()
    assert 0 < height < 100 and 0 < width < 320
    assert not changed[height:].any() and not changed[:, width:].any()
    assert has(drawn, (round(100 * PANEL_SHADE),) * 3)[:height, :width].mean() > 0.2
    assert PANEL_SHADE < 0.5
