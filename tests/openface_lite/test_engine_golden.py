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
    0: (178.2, 102.0, -129.5, -256.4, 777.1),
    8: (220.0, 176.8, -55.7, -122.5, 722.1),
    16: (272.1, 107.5, 26.8, -247.0, 776.2),
    19: (197.2, 85.2, -89.5, -260.1, 710.8),
    27: (224.7, 99.9, -47.1, -234.9, 702.4),
    30: (222.8, 126.1, -48.4, -189.0, 679.1),
    36: (193.6, 100.1, -97.1, -242.6, 726.0),
    45: (255.9, 104.0, -0.1, -236.3, 725.2),
    48: (200.2, 138.0, -86.4, -182.6, 722.2),
    54: (246.3, 140.9, -15.0, -178.0, 721.6),
    62: (222.6, 141.0, -50.4, -173.6, 704.8),
    66: (222.1, 149.3, -51.3, -161.6, 707.0),
}
EYE_LANDMARKS = {
    0: (199.3, 99.6, -64.6, -178.2, 531.5),
    4: (207.1, 101.5, -55.8, -176.0, 531.5),
    8: (193.6, 100.1, -71.8, -179.3, 536.6),
    14: (212.7, 103.0, -49.6, -175.3, 534.6),
    28: (242.6, 103.4, -15.0, -171.0, 522.8),
    42: (255.9, 104.0, -0.1, -172.5, 529.4),
}
# Frame of the demo clip: pose_T in mm, pose_R in radians, AU12_r.
CLIP = {
    0: (-2.5, -34.3, 725.7, 0.126, 0.022, 0.058, 0.32),
    15: (80.8, -1.3, 671.1, 0.097, 0.149, 0.255, 0.17),
    45: (-2.7, -49.9, 640.1, 0.175, -0.015, -0.161, 0.04),
    60: (-94.6, -72.1, 758.0, 0.170, -0.093, 0.080, 0.37),
    100: (75.7, -2.7, 875.7, 0.072, 0.081, -0.139, 0.28),
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


def test_the_portraits_landmarks(face):
    for flat, solid, wanted in (
        (face.landmarks_2d, face.landmarks_3d, LANDMARKS),
        (face.eye_landmarks_2d, face.eye_landmarks_3d, EYE_LANDMARKS),
    ):
        for number, (x, y, *xyz) in wanted.items():
            assert flat[number] == pytest.approx((x, y), abs=PIXELS), number
            assert solid[number] == pytest.approx(xyz, abs=MILLIMETRES), number


def test_the_portraits_head_and_eyes(face):
    assert face.head_pose.translation == pytest.approx((-50.9, -202.8, 731.1), abs=MILLIMETRES)
    assert face.head_pose.angles == pytest.approx((0.326, -0.051, 0.075), abs=RADIANS)
    assert face.weak_perspective.scale == pytest.approx(0.646, rel=0.01)
    assert face.weak_perspective.angles == pytest.approx((0.046, 0.011, 0.060), abs=RADIANS)
    assert face.weak_perspective.place == pytest.approx((223.4, 125.9), abs=PIXELS)
    assert face.gaze.angles == pytest.approx((0.050, 0.272), abs=GAZE_RADIANS)
    assert face.confidence == pytest.approx(1, abs=1e-3)


def test_the_portraits_action_units(face):
    measured = {name: unit.intensity for name, unit in face.action_units.items() if unit.intensity is not None}
    wanted = {"AU01_r": 0.38, "AU02_r": 0.18, "AU12_r": 1.73, "AU25_r": 0.83, "AU26_r": 0.0, "AU45_r": 0.0}
    assert measured == pytest.approx(wanted, abs=INTENSITY)


def test_the_clips_head(clip):
    for frame, (*place, pitch, yaw, roll, smile) in CLIP.items():
        assert [clip[f"pose_T{axis}"][frame] for axis in "xyz"] == pytest.approx(place, abs=MILLIMETRES), frame
        assert [clip[f"pose_R{axis}"][frame] for axis in "xyz"] == pytest.approx((pitch, yaw, roll), abs=RADIANS)
        assert clip["AU12_r"][frame] == pytest.approx(smile, abs=INTENSITY)


def test_the_clip_says_when_nobody_is_there(clip):
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
