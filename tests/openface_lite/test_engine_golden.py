"""Numbers that must not drift: the portrait and the demo clip, with what counts as the same written down.

Another CPU, OpenCV or runtime may move a landmark by tenths of a pixel. The tolerances are some ten times that,
and a tenth of what a mistake in a convention would do.
"""

import numpy as np
import pytest

from infra.local import demo_media
from openface_lite import analyse_image, analyse_video
from tests.openface_lite.engine_runs import PORTRAIT

PIXELS, MILLIMETRES, RADIANS, GAZE_RADIANS, INTENSITY = 1.0, 8.0, 0.03, 0.06, 0.25

# Landmark: x, y in pixels and X, Y, Z in mm.
LANDMARKS = {
    0: (179.9, 99.8, -128.0, -262.9, 785.4),
    8: (220.7, 178.8, -55.3, -120.9, 730.3),
    16: (271.1, 104.8, 25.3, -253.8, 783.3),
    19: (200.6, 86.6, -85.4, -260.9, 718.7),
    27: (224.6, 100.7, -48.0, -237.3, 713.2),
    30: (223.2, 126.7, -48.6, -191.9, 692.5),
    36: (195.2, 100.0, -95.7, -245.4, 734.2),
    45: (255.3, 103.4, -1.1, -239.7, 733.1),
    48: (202.3, 139.1, -83.8, -182.2, 727.4),
    54: (244.2, 140.6, -18.3, -179.7, 726.7),
    62: (223.1, 142.8, -50.7, -174.0, 717.7),
    66: (222.3, 149.6, -51.7, -163.3, 716.2),
}
EYE_LANDMARKS = {
    0: (198.9, 100.3, -67.6, -184.2, 552.1),
    4: (207.4, 100.8, -57.5, -183.6, 552.1),
    8: (195.2, 100.0, -72.9, -186.9, 559.4),
    14: (213.4, 103.0, -50.9, -182.5, 556.9),
    28: (241.8, 102.7, -16.5, -177.4, 540.3),
    42: (255.3, 103.4, -0.8, -179.3, 548.5),
}
# Frame of the demo clip: pose_T in mm, pose_R in radians, AU12_r.
CLIP = {
    0: (-2.0, -35.1, 729.0, 0.233, 0.029, 0.052, 0.16),
    15: (79.5, -2.0, 661.4, 0.161, 0.174, 0.237, 0.0),
    45: (-3.2, -49.9, 643.6, 0.246, -0.014, -0.163, 0.29),
    60: (-92.4, -71.7, 748.7, 0.284, -0.09, 0.076, 0.13),
    100: (75.3, -3.0, 873.3, 0.176, 0.079, -0.145, 0.1),
}


@pytest.fixture(scope="module")
def face():
    (found,) = analyse_image(PORTRAIT)
    return found


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "clip.mp4"
    demo_media.make_clip(PORTRAIT, path)
    return analyse_video(path)


def test_the_portraits_landmarks_are_as_recorded(face):
    for flat, solid, wanted in (
        (face.landmarks_2d, face.landmarks_3d, LANDMARKS),
        (face.eye_landmarks_2d, face.eye_landmarks_3d, EYE_LANDMARKS),
    ):
        for number, (x, y, *xyz) in wanted.items():
            assert flat[number] == pytest.approx((x, y), abs=PIXELS), number
            assert solid[number] == pytest.approx(xyz, abs=MILLIMETRES), number


def test_the_portraits_head_and_eyes(face):
    assert face.head_pose.translation == pytest.approx((-50.6, -204.1, 734.9), abs=MILLIMETRES)
    assert face.head_pose.angles == pytest.approx((0.446, -0.035, 0.072), abs=RADIANS)
    assert face.weak_perspective.scale == pytest.approx(0.637, rel=0.01)
    assert face.weak_perspective.angles == pytest.approx((0.061, 0.017, 0.053), abs=RADIANS)
    assert face.weak_perspective.place == pytest.approx((223.8, 126.1), abs=PIXELS)
    assert face.gaze.angles == pytest.approx((-0.018, 0.397), abs=GAZE_RADIANS)
    assert face.confidence == pytest.approx(1, abs=1e-3)


def test_the_portraits_action_units_are_as_recorded(face):
    measured = {name: unit.intensity for name, unit in face.action_units.items() if unit.intensity is not None}
    wanted = {"AU01_r": 0.0, "AU02_r": 0.02, "AU05_r": 0.04, "AU06_r": 2.5, "AU07_r": 0.0}
    wanted |= {"AU10_r": 0.91, "AU12_r": 2.86, "AU25_r": 1.99, "AU26_r": 0.0, "AU45_r": 0.0}
    assert measured == pytest.approx(wanted, abs=INTENSITY)


def test_the_clips_head_pose_is_as_recorded(clip):
    for frame, (*place, pitch, yaw, roll, smile) in CLIP.items():
        assert [clip[f"pose_T{axis}"][frame] for axis in "xyz"] == pytest.approx(place, abs=MILLIMETRES), frame
        assert [clip[f"pose_R{axis}"][frame] for axis in "xyz"] == pytest.approx((pitch, yaw, roll), abs=RADIANS)
        assert clip["AU12_r"][frame] == pytest.approx(smile, abs=INTENSITY)


def test_clip_marks_frames_without_a_face(clip):
    assert np.flatnonzero(clip["success"] == 0).tolist() == list(demo_media.WITHOUT_FACE)
    assert (clip["confidence"][clip["success"] == 1] > 0.9).all()
    assert clip["timestamp"] == pytest.approx(np.arange(demo_media.FRAMES) / demo_media.FRAME_RATE, abs=1e-4)


def test_the_clips_landmarks_go_where_the_picture_was_moved(clip, face):
    """No golden numbers here: every frame is the portrait moved in a known way, and so are its landmarks."""
    errors = []
    for number in set(range(demo_media.FRAMES)) - set(demo_media.WITHOUT_FACE):
        moved = demo_media._placement(number / demo_media.FRAME_RATE)
        # The clip shows the portrait from its 60th column on.
        wanted = (face.landmarks_2d - (60, 0)) @ moved[:, :2].T + moved[:, 2]
        found = np.array([[clip[f"{axis}_{i}"][number] for axis in "xy"] for i in range(68)])
        eyes_apart = np.linalg.norm(wanted[45] - wanted[36])
        errors.append(np.linalg.norm(found - wanted, axis=1).mean() / eyes_apart)
    assert np.mean(errors) < 0.025
    assert max(errors) < 0.04
