"""A face's lines in pixels, on numbers that are small enough to be worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from service.engine.lite.geometry import LANDMARK_LINES, Camera, FaceGeometry, eye_openings, rotation

EYES = {
    36: (0, 0), 37: (3, -2), 38: (7, -1), 39: (10, 0), 40: (7, 1), 41: (3, 2),
    42: (20, 0), 43: (23, -2), 44: (27, -2), 45: (30, 0), 46: (27, 2), 47: (23, 1),
}  # fmt: skip
"""Lids 4 and 2 apart over a width of 10, and 3 and 4 apart."""


def face(**changes: object) -> FaceGeometry:
    """A face that looks straight into the camera from half a metre away; every other landmark is far off."""
    landmarks = np.array([[1000.0 + 7 * number, 500.0 - 3 * number] for number in range(68)])
    for number, point in EYES.items():
        landmarks[number] = point
    eyes = np.array([[number, 100.0 * (number // 28), 500.0] for number in range(56)], float)
    ahead = np.array([[0.0, 0.0, -1.0]] * 2)
    made = FaceGeometry(Camera(500, 500, 320, 240), landmarks, np.eye(3), np.array([0.0, 0.0, 500.0]), ahead, eyes)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_an_eyes_opening_is_the_mean_lid_distance_over_its_width() -> None:
    assert eye_openings(face().landmarks) == pytest.approx([0.3, 0.35])
    assert eye_openings(np.stack([face().landmarks] * 3)).shape == (3, 2)


@pytest.mark.parametrize("lids", [(37, 38, 40, 41), (43, 44, 46, 47)])
def test_gaze_of_a_shut_eye_is_not_drawn(lids: tuple[int, ...]) -> None:
    shut = face().landmarks.copy()
    shut[list(lids), 1] = 0
    assert not face(landmarks=shut).gaze_is_plausible
    assert face(landmarks=shut).drawn_lines_of_sight() == []
    assert len(face().drawn_lines_of_sight()) == 2


@pytest.mark.parametrize(("apart_deg", "plausible"), [(19.5, True), (20.5, False)])
def test_lines_of_sight_that_contradict_each_other_are_not_drawn(apart_deg: float, plausible: bool) -> None:
    angle = math.radians(apart_deg)
    # Of another length than 1, which changes no angle.
    sight = 2 * np.array([[0, 0, -1], [math.sin(angle), 0, -math.cos(angle)]])
    assert face(sight=sight).gaze_is_plausible is plausible


def test_gaze_that_was_not_measured_has_no_lines() -> None:
    assert face(sight=np.full((2, 3), np.nan)).lines_of_sight() == []


def test_a_line_of_sight_begins_at_the_middle_of_the_iris() -> None:
    (left, ahead), (right, _) = face().lines_of_sight()
    # The first eight points of each eye, at x = 0 to 7 and 28 to 35 mm, in 500 mm.
    assert left == pytest.approx([320 + 3.5, 240])
    assert right == pytest.approx([320 + 31.5, 240 + 100])
    assert ahead == pytest.approx([320 + 500 * 3.5 / 440, 240])


def test_axes_go_right_down_and_out_of_the_face() -> None:
    drawn = face(translation=np.array([50.0, 0.0, 500.0])).axes(100)
    assert drawn["origin"] == pytest.approx([370, 240])
    assert drawn["x"] == pytest.approx([470, 240])
    assert drawn["y"] == pytest.approx([370, 340])
    assert drawn["z"] == pytest.approx([320 + 500 * 50 / 400, 240])


def test_the_cube_has_twelve_edges_of_200_mm() -> None:
    edges = face().cube()
    assert len(edges) == 12
    corners = {(round(float(x), 6), round(float(y), 6)) for edge in edges for x, y in edge}
    near, far = 500 * 100 / 400, round(500 * 100 / 600, 6)
    assert corners == {
        (round(320 + i * half, 6), round(240 + j * half, 6)) for half in (near, far) for i in (-1, 1) for j in (-1, 1)
    }


def test_the_rotation_is_of_x_then_y_then_z() -> None:
    quarter = math.pi / 2
    turned = rotation(quarter, quarter, 0)
    assert turned @ (0, 0, 1) == pytest.approx([1, 0, 0])
    assert turned @ (1, 0, 0) == pytest.approx([0, 1, 0])
    assert rotation(0, 0, quarter) @ (1, 0, 0) == pytest.approx([0, 1, 0])


def test_a_row_is_read_by_its_columns_and_what_is_missing_is_nan() -> None:
    row = {"x_0": 5.0, "y_0": 6.0, "pose_Rx": 0.0, "pose_Ry": 0.0, "pose_Rz": 0.0, "pose_Tx": 1.0, "pose_Ty": 2.0}
    row |= {"pose_Tz": 3.0, "gaze_1_y": 0.25, "eye_lmk_X_55": 1.0, "eye_lmk_Y_55": 2.0, "eye_lmk_Z_55": 3.0}
    read = FaceGeometry.of_columns(row, 640, 480)
    assert list(read.landmarks[0]) == [5, 6]
    assert np.isnan(read.landmarks[1:]).all()
    assert list(read.translation) == [1, 2, 3]
    assert read.sight[1, 1] == 0.25
    assert list(read.eyes_3d[55]) == [1, 2, 3]
    assert read.camera == Camera.for_size(640, 480)
    assert np.isnan(read.landmark_box).all()
    assert list(face().landmark_box) == [0, -2, 1000 + 7 * 67, 500]


def test_lines_go_through_each_landmark_and_close_around_eyes_and_lips() -> None:
    assert [number for line in LANDMARK_LINES for number in dict.fromkeys(line)] == list(range(68))
    assert [line[0] == line[-1] for line in LANDMARK_LINES] == [False] * 5 + [True] * 4
