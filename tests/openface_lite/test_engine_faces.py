"""The library: how many faces, where, and in which convention."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from openface_lite import analyse_image, read_image
from openface_lite.pose import Camera
from openface_lite.track import FaceTracker
from tests.openface_lite.engine_runs import SHARED, side_by_side


@pytest.fixture(scope="module")
def face(portrait):
    (found,) = analyse_image(portrait)
    return found


def test_the_face_is_where_it_is(face):
    left, top, right, bottom = face.box
    assert (left, right) == pytest.approx((177, 274), abs=8)
    assert (top, bottom) == pytest.approx((78, 178), abs=12)
    assert face.confidence > 0.9


def test_no_face_in_plain_or_noisy_pictures(portrait):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    for picture in (np.zeros((200, 200, 3), np.uint8), noise, portrait[230:].copy()):
        assert analyse_image(picture, thorough=True) == []


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (500, 2)])
def test_odd_sizes_are_no_error(shape):
    assert analyse_image(np.full((*shape, 3), 99, np.uint8), thorough=True) == []


def test_two_faces_come_largest_first(portrait):
    first, second = analyse_image(side_by_side(portrait))
    assert first.box[2] - first.box[0] > 1.4 * (second.box[2] - second.box[0])


@pytest.mark.parametrize(("side", "effort"), [(220, {"tiles": True}), (100, {"thorough": True})])
def test_small_faces_are_found_in_tiles(portrait, side, effort):
    canvas = np.full((720, 1280, 3), 128, np.uint8)
    canvas[300 : 300 + side, 900 : 900 + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    assert analyse_image(canvas, tiles=False) == []
    (small,) = analyse_image(canvas, **effort)
    center = (small.box[:2] + small.box[2:]) / 2
    assert center == pytest.approx([900 + 0.44 * side, 300 + 0.25 * side], abs=0.03 * side)


def test_projecting_3d_gives_2d(face):
    camera = Camera.for_size(512, 512)
    assert np.abs(camera.project(face.landmarks_3d) - face.landmarks_2d).max() < 1e-6
    assert np.abs(camera.project(face.gaze.eye_points_3d) - face.gaze.eye_points_2d).max() < 1e-6


def test_projecting_3d_gives_2d_as_written(command, tmp_path, portrait):
    cv2.imwrite(str(tmp_path / "a.png"), portrait)
    run = command("FaceLandmarkImg", "-f", tmp_path / "a.png")
    (row,) = run.table("a")
    fx, fy, cx, cy = map(float, run.details("a")[2].split(":")[1].split(","))
    for i in range(68):
        x, y, z = (float(row[f"{axis}_{i}"]) for axis in "XYZ")
        assert fx * x / z + cx == pytest.approx(float(row[f"x_{i}"]), abs=1)
        assert fy * y / z + cy == pytest.approx(float(row[f"y_{i}"]), abs=1)


def test_units_are_millimetres(face):
    eyes_apart = np.linalg.norm(face.landmarks_3d[36] - face.landmarks_3d[45])
    assert eyes_apart == pytest.approx(91, rel=0.1)
    assert 500 < face.head_pose.translation[2] < 900
    # The head's origin lies below the eyes and is seen there.
    origin = face.camera.project(face.head_pose.translation[np.newaxis])[0]
    assert face.landmarks_2d[36:48, 1].max() < origin[1] < face.landmarks_2d[57, 1]


def test_landmarks_lie_in_order(face):
    x, y = face.landmarks_2d.T
    assert (np.diff(x[0:17]) > 0).all()
    assert (np.diff(x[17:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert y[17:27].max() < y[36:48].min() < y[36:48].max() < y[30] < y[48:68].min() < y[8]


@pytest.mark.parametrize("eye", [0, 28])
def test_eye_landmarks_lie_in_order(face, eye):
    points = face.gaze.eye_points_2d[eye : eye + 28]
    iris, lids, pupil = points[:8], points[8:20], points[20:]
    # The iris ring starts on the left and goes up; the pupil ring starts lower left and goes down.
    assert iris[0, 0] == iris[:, 0].min()
    assert iris[2, 1] < iris[6, 1]
    assert pupil[7, 0] == pupil[:, 0].min()
    assert pupil[1, 1] == pupil[:, 1].max()
    assert np.ptp(pupil[:, 0]) < 0.5 * np.ptp(iris[:, 0])
    assert lids[0, 0] == lids[:, 0].min()
    assert lids[6, 0] == lids[:, 0].max()
    assert lids[1:6, 1].mean() < lids[7:, 1].mean()


def test_eye_0_is_on_the_left_of_the_image(face):
    assert face.gaze.eye_points_2d[:28, 0].max() < face.gaze.eye_points_2d[28:, 0].min()
    assert np.linalg.norm(face.gaze.vectors, axis=1) == pytest.approx([1, 1])
    assert (face.gaze.vectors[:, 2] < 0).all()


def test_mirroring_flips_yaw_and_roll(portrait, face):
    (mirrored,) = analyse_image(np.ascontiguousarray(portrait[:, ::-1]))
    pitch, yaw, roll = face.head_pose.angles
    assert mirrored.head_pose.angles == pytest.approx([pitch, -yaw, -roll], abs=0.05)
    assert mirrored.head_pose.translation[0] == pytest.approx(-face.head_pose.translation[0], abs=5)
    assert mirrored.gaze.angles[0] == pytest.approx(-face.gaze.angles[0], abs=0.1)


@pytest.mark.parametrize("degrees", [-40, 25, 60])
def test_turning_the_picture_turns_the_roll(portrait, face, degrees):
    # Around the face, clockwise on screen: OpenFace's roll grows that way.
    center = face.landmarks_2d.mean(axis=0)
    turn = cv2.getRotationMatrix2D(tuple(map(float, center)), -degrees, 1)
    (turned,) = analyse_image(cv2.warpAffine(portrait, turn, (512, 512)))
    change = np.degrees(turned.head_pose.angles[2] - face.head_pose.angles[2])
    assert change == pytest.approx(degrees, abs=6)


def test_a_picture_on_its_side_is_found(portrait):
    for quarter_turns in (1, 3):
        turned = np.ascontiguousarray(np.rot90(portrait, quarter_turns))
        assert len(analyse_image(turned)) == 1


def test_threads_do_not_disturb_one_another(portrait, face):
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: analyse_image(portrait)[0], range(6)))
    assert all((result.mesh.points == face.mesh.points).all() for result in results)


def test_video_frames_answer_one_by_one(portrait):
    close = np.ascontiguousarray(portrait[0:320, 60:380])
    frames = [close, close, np.zeros_like(close), close]
    tracker = FaceTracker()
    assert [tracker.step(frame) is not None for frame in frames] == [True, True, False, True]


def test_a_tracked_face_agrees_with_a_detected_one(portrait):
    tracker = FaceTracker()
    tracker.step(portrait)
    tracked, (detected,) = tracker.step(portrait), analyse_image(portrait)
    assert np.abs(tracked.landmarks_2d - detected.landmarks_2d).max() < 3


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("two_faces.jpg", 2),
        ("five_faces_small.jpg", 5),
        ("one_face_obama_small.jpg", 1),
        ("one_face_obama_speaking.jpg", 1),
        ("no_face_cat.png", 0),
        ("no_face_rocket.jpg", 0),
    ],
)
def test_every_face_of_a_photo_is_found(name, count):
    path = SHARED / "media" / name
    if not path.exists():
        pytest.skip(f"{name} is not part of the repository")
    picture = read_image(path)
    assert len(analyse_image(picture)) == count
    assert len(analyse_image(picture, thorough=True)) == count
