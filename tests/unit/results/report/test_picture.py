"""The picture of a report: which frame, the very one, upright; and where things are drawn on it."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from service.engine.lite.geometry import rotation
from service.errors import UnreadableMedia
from service.results.report import face_svg
from service.results.report import picture as poster
from tests.fixtures import clips
from tests.fixtures.media_made import clip as brightening


def rows(**columns: list[float]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    blank = {
        "frame": list(range(1, count + 1)),
        "confidence": [0.98] * count,
        "pose_Rx": [0.0] * count,
        "pose_Ry": [0.0] * count,
        "pose_Rz": [0.0] * count,
        "eye_opening": [0.3] * count,
        "AU45_r": [0.0] * count,
    }
    return pd.DataFrame(blank | columns).astype(float)


@pytest.mark.parametrize(
    ("table", "used", "expected"),
    [
        # Nearest to the median pose among the surest.
        (rows(pose_Ry=[0.9, 0.4, 0.5, 0.6, -0.9]), [True] * 5, 2),
        (rows(pose_Ry=[0.9, 0.5, 0.45, 0.1], confidence=[0.9, 0.8, 0.9, 0.9]), [True] * 4, 2),
        # Open eyes before a better pose: by landmarks, by AU45; where all are shut, the best pose.
        (rows(pose_Ry=[0.5, 0.5, 0.1], eye_opening=[0.1, 0.12, 0.3]), [True] * 3, 2),
        (rows(pose_Ry=[0.5, 0.5, 0.1], AU45_r=[2.0, 1.5, 0.0]), [True] * 3, 2),
        (rows(pose_Ry=[0.5, 0.5, 0.1], eye_opening=[0.1] * 3), [True] * 3, 0),
        (rows(frame=[1, 1, 2, 2], eye_opening=[0.3, 0.1, 0.3, 0.3]), [True] * 4, 2),
        # Eyes half shut for this person.
        (rows(pose_Ry=[0.5, 0.5, 0.1, 0.5], eye_opening=[0.2, 0.35, 0.36, 0.34]), [True] * 4, 1),
        # Only rows that count.
        (rows(pose_Ry=[0.0, 0.1, 0.2]), [False, False, True], 2),
        # The frame with the most faces.
        (rows(frame=[1, 2, 2, 3]), [True] * 4, 1),
        # Nothing counts: the middle.
        (rows(pose_Ry=[0.0] * 5), [False] * 5, 2),
        (rows(frame=[]), [], None),
    ],
)
def test_the_frame_that_is_shown(table: pd.DataFrame, used: list[bool], expected: int | None) -> None:
    assert poster.best_row(table, np.array(used, dtype=bool)) == expected


def test_the_very_frame_is_found_again(tmp_path: Path) -> None:
    # Each frame of this clip is a grey brighter than the one before.
    path = tmp_path / "clip.mp4"
    path.write_bytes(brightening(150, shade=20))
    first, *others = (grey(poster.video_frame(path, number / 25, 25.0)) for number in (0, 1, 77, 149))
    assert [other - first for other in others] == pytest.approx([1, 77, 149], abs=0.4)


def grey(shown: poster.Picture) -> float:
    return float(cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR).mean())


def test_a_time_after_the_end_is_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(brightening(25))
    with pytest.raises(UnreadableMedia, match="not found again"):
        poster.video_frame(path, 5.0, 25.0)


def test_a_frame_is_shown_until_the_next_one(tmp_path: Path) -> None:
    uneven = clips.clip(tmp_path / "uneven.mkv", times_ms=[0, 40, 80, 2000, 2040])
    assert poster.video_frame(uneven, 1.0, 25.0).width == 64


def test_phone_clips_are_shown_upright(tmp_path: Path) -> None:
    flat = clips.clip(tmp_path / "flat.mp4")
    shown = poster.video_frame(clips.turned(flat, tmp_path / "turned.mp4", clips.QUARTER_CLOCKWISE), 0.2, 25.0)
    assert (shown.width, shown.height) == (48, 64)
    pixels = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
    # Stored top left is right at the top when turned by a quarter, clockwise.
    assert pixels[5, -5, 2] > 150 > 60 > pixels[5, 5, 2]


def test_large_pictures_are_reduced_and_keep_their_size_in_pixels(tmp_path: Path) -> None:
    shown = poster.picture(clips.picture(tmp_path / "large.png", 3000, 1500))
    assert (shown.width, shown.height) == (3000, 1500)
    assert cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (500, 1000, 3)


def test_positive_pitch_faces_down_and_positive_yaw_to_the_left() -> None:
    facing = np.array([0.0, 0.0, -1.0])
    assert (rotation(0.3, 0, 0) @ facing)[1] > 0
    assert (rotation(0, 0.3, 0) @ facing)[0] < 0
    right = rotation(0, 0, 0.3) @ np.array([1.0, 0.0, 0.0])
    assert right[1] > 0


OPEN_EYES = {
    36: (250, 180),
    37: (257, 175),
    38: (263, 175),
    39: (270, 180),
    40: (263, 185),
    41: (257, 185),
    42: (330, 180),
    43: (337, 175),
    44: (343, 175),
    45: (350, 180),
    46: (343, 185),
    47: (337, 185),
}
"""Lids 10 px apart in eyes 20 px wide."""


def row_of_a_face(**changed: float) -> dict[str, float]:
    row = {f"x_{i}": 300.0 + i for i in range(68)} | {f"y_{i}": 200.0 + i for i in range(68)}
    for i, (x, y) in OPEN_EYES.items():
        row |= {f"x_{i}": float(x), f"y_{i}": float(y)}
    row |= {f"eye_lmk_{axis}_{i}": 0.0 for axis in "XY" for i in range(56)}
    row |= {f"eye_lmk_Z_{i}": 500.0 for i in range(56)}
    row |= {f"gaze_{eye}_{axis}": value for eye in "01" for axis, value in zip("xyz", (0.6, 0.0, -0.8), strict=True)}
    row |= {"pose_Tx": 0.0, "pose_Ty": 0.0, "pose_Tz": 500.0, "pose_Rx": 0.0, "pose_Ry": 0.0, "pose_Rz": 0.0}
    return row | {"face": 3.0} | changed


def test_box_axes_and_gaze_are_projected_by_openfaces_camera() -> None:
    drawn = face_svg.draw(row_of_a_face(), True, 640, 480)
    assert drawn
    assert (drawn.number, drawn.box) == (3, (250.0, 175.0, 117.0, 92.0))
    # 60 mm of (0.6, 0, -0.8) before an eye 500 mm away: 36 mm at 452 mm.
    assert drawn.gaze[0] == (320.0, 240.0, round(320 + 500 * 36 / 452, 1), 240.0)
    (x1, y1, x2, y2), (_, _, x3, y3), _ = drawn.axes
    assert (x1, y1, y2, x3) == (320.0, 240.0, 240.0, 320.0)
    assert x2 - x1 == pytest.approx(58.5, abs=0.1)
    assert y3 - y1 == pytest.approx(58.5, abs=0.1)


def test_gaze_of_a_shut_eye_is_not_drawn() -> None:
    shut = {f"y_{i}": 180.0 for i in range(42, 48)}
    drawn = face_svg.draw(row_of_a_face(**shut), True, 640, 480)
    assert drawn
    assert drawn.gaze == ()
    assert len(drawn.axes) == 3


def test_lines_of_sight_that_contradict_each_other_are_not_drawn() -> None:
    def turned(degrees: float) -> dict[str, float]:
        angle = math.radians(degrees)
        return {"gaze_0_x": 0.0, "gaze_0_z": -1.0, "gaze_1_x": math.sin(angle), "gaze_1_z": -math.cos(angle)}

    near, apart = (face_svg.draw(row_of_a_face(**turned(degrees)), True, 640, 480) for degrees in (15, 25))
    assert near
    assert apart
    assert (len(near.gaze), len(apart.gaze)) == (2, 0)


def test_values_that_were_not_measured_are_not_drawn() -> None:
    nan = float("nan")
    assert face_svg.draw(row_of_a_face(x_5=nan), True, 640, 480) is None
    drawn = face_svg.draw(row_of_a_face(pose_Tz=nan, gaze_0_x=nan, gaze_1_x=nan), True, 640, 480)
    assert drawn
    assert (drawn.axes, drawn.gaze) == ((), ())
    behind = face_svg.draw(row_of_a_face(pose_Tz=-1.0), True, 640, 480)
    assert behind
    assert behind.axes == ()
