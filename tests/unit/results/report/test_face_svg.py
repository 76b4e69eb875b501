"""Lines over a picture: a face's box, axes and gaze in pixels, and nothing of what was not measured."""

from __future__ import annotations

import math

import pytest

from service.engine.lite.geometry import Camera
from service.results.report.face_svg import draw

CAMERA = Camera(500, 500, 320, 240)


def row(**values: float) -> dict[str, float]:
    """Landmarks in a square from 100, 50 to 200, 150."""
    corners = {"x_0": 100.0, "y_0": 50.0, "x_1": 200.0, "y_1": 150.0}
    middle = {f"{axis}_{i}": 150.0 if axis == "x" else 100.0 for axis in "xy" for i in range(68)}
    return {"face": 3.0} | middle | corners | values


def test_a_box_is_around_the_landmarks() -> None:
    drawn = draw(row(), True, 640, 480, CAMERA)
    assert drawn is not None
    assert (drawn.number, drawn.counts, drawn.box) == (3, True, (100, 50, 100, 100))
    assert drawn.points[:3] == ((100, 50), (200, 150), (150, 100))
    assert drawn.paths[0].startswith("M100.0 50.0L200.0 150.0L150.0 100.0")


def test_a_face_without_all_of_its_landmarks_is_not_drawn() -> None:
    assert draw(row(x_67=math.nan), True, 640, 480) is None
    assert draw({"face": 0.0}, True, 640, 480) is None


def test_axes_are_half_as_long_as_the_face_is_wide() -> None:
    pose = {"pose_Tx": 0.0, "pose_Ty": 0.0, "pose_Tz": 500.0, "pose_Rx": 0.0, "pose_Ry": 0.0, "pose_Rz": 0.0}
    drawn = draw(row(**pose), True, 640, 480, CAMERA)
    assert drawn is not None
    # From the head's place in the middle of the picture: right, down, and towards the camera.
    assert drawn.axes == ((320, 240, 370, 240), (320, 240, 320, 290), (320, 240, 320, 240))


@pytest.mark.parametrize("pose", [{}, {"pose_Tz": math.nan}, {"pose_Tx": 0.0, "pose_Ty": 0.0, "pose_Tz": -5.0}])
def test_a_head_without_a_pose_or_behind_the_camera_has_no_axes(pose: dict[str, float]) -> None:
    drawn = draw(row(**pose), False, 640, 480, CAMERA)
    assert drawn is not None
    assert (drawn.axes, drawn.gaze, drawn.counts) == ((), (), False)


def test_a_videos_face_has_its_face_id() -> None:
    drawn = draw({name: value for name, value in row(face_id=7.0).items() if name != "face"}, True, 640, 480)
    assert drawn is not None and drawn.number == 7
