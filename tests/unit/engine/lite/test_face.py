"""A face as the answers name it: sides, key points, angles and the side that is larger."""

from __future__ import annotations

import math

import pytest

from service.engine.lite.face import FaceView

ROW = {
    "confidence": "0.91234",
    **{f"{axis}_{number}": str(100 + number + 200 * (axis == "y")) for axis in "xy" for number in range(68)},
    **{f"eye_lmk_{axis}_{number}": str(10 * (number // 28) + number % 28) for axis in "xy" for number in range(56)},
    **{f"eye_lmk_{axis}_{number}": "500" for axis in "XYZ" for number in range(56)},
    **{f"pose_T{axis}": str(value) for axis, value in zip("xyz", (1.26, -2, 500), strict=True)},
    **{f"pose_R{axis}": str(value) for axis, value in zip("xyz", (0.1, -0.2, 0.3), strict=True)},
    **{f"gaze_{eye}_{axis}": str(value) for eye in "01" for axis, value in zip("xyz", (0.1, 0.2, -0.97), strict=True)},
    "AU12_r": "2.345",
    "AU04_r": "",
}


def view(**changes: str) -> FaceView:
    return FaceView.of_row({**ROW, **changes}, 640, 480, {"AU12_r": "weak"})


def test_key_points_are_irises_nose_tip_and_corners_of_the_mouth() -> None:
    found = view().as_found()
    assert found["keypoints"] == {
        # The mean of the first eight landmarks of each eye: 3.5 and 13.5, rounded to the even number.
        "left_eye": [4, 4],
        "right_eye": [14, 14],
        "nose": [130, 330],
        "mouth_left": [148, 348],
        "mouth_right": [154, 354],
    }
    assert (found["box"], found["confidence"]) == ([100, 300, 67, 67], 0.9123)


def test_the_size_of_a_face_is_its_longer_side() -> None:
    assert view(x_0="0").size == 167
    assert view(y_0="0").size == 367


def test_angles_are_the_tables_in_degrees() -> None:
    pose = view().as_dict()["head_pose"]
    expected = {
        name: round(math.degrees(value), 2)
        for name, value in zip(("pitch", "yaw", "roll"), (0.1, -0.2, 0.3), strict=True)
    }
    assert pose["rotation_deg"] == expected
    assert pose["translation_mm"] == [1.3, -2.0, 500.0]


def test_gaze_is_the_mean_of_both_eyes_to_the_right_and_down() -> None:
    across, down = view(gaze_1_x="0.31").as_dict()["gaze"]["angle_deg"]
    assert across == round(math.degrees(math.atan2(0.205, 0.97)), 2)
    assert down == round(math.degrees(math.atan2(0.2, 0.97)), 2)
    assert view(gaze_1_x="").as_dict()["gaze"] is None


def test_what_was_not_measured_is_no_zero_and_support_is_as_stated() -> None:
    assert view().action_units == {
        "AU12_r": {"intensity": pytest.approx(2.345, abs=0.006), "support": "weak"},
        "AU04_r": {"intensity": None, "support": "supported"},
    }
