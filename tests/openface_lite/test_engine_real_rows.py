"""Our conventions on rows that the real OpenFace wrote; skipped where there are none."""

import csv
from pathlib import Path

import numpy as np
import pytest

from openface_lite import canonical_face, gaze, landmarks, pose
from tests.openface_lite.engine_runs import SHARED

SAMPLES = SHARED / "facts" / "openface-samples"
# Rows of OpenFace 2 and the (fx, cx, cy) of their pictures, from the guess for the pictures' sizes.
FILES = {
    "facelandmarkimg_single_face.csv": pose.Camera.for_size(1280, 961),
    "featureextraction_header_3rows.csv": pose.Camera.for_size(1280, 720),
    "featureextraction_no_space_dialect.csv": pose.Camera.for_size(720, 1280),
    "featureextraction_spaced_dialect_30rows.csv": pose.Camera.for_size(224, 224),
}
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no real OpenFace output here")


class Row:
    """One row of real output as arrays."""

    def __init__(self, cells: dict[str, float], camera: pose.Camera) -> None:
        self.cells = cells
        self.camera = camera
        self.face_2d, self.face_3d = self.points("", "xy", 68), self.points("", "XYZ", 68)
        self.eyes_2d, self.eyes_3d = self.points("eye_lmk_", "xy", 56), self.points("eye_lmk_", "XYZ", 56)
        rotation = rotation_of(*(cells[f"pose_R{axis}"] for axis in "xyz"))
        self.shape_angles = np.array([cells[f"p_r{axis}"] for axis in "xyz"])
        self.head = pose.Pose(rotation, np.array([cells[f"pose_T{axis}"] for axis in "xyz"]))

    def points(self, prefix, axes, count):
        return np.array([[self.cells[f"{prefix}{axis}_{i}"] for axis in axes] for i in range(count)])


def rotation_of(x, y, z):
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return pose._rotation_x(x) @ pose._rotation_y(y) @ about_z


def rows_of(path: Path) -> list[Row]:
    with path.open(newline="") as stream:
        return [
            Row({name: float(cell) for name, cell in row.items()}, FILES[path.name])
            for row in csv.DictReader(stream, skipinitialspace=True)
        ]


@pytest.fixture(scope="module", params=list(FILES))
def rows(request):
    return rows_of(SAMPLES / request.param)


def test_the_guessed_camera_projects_3d_onto_2d(rows):
    for row in rows:
        assert np.abs(row.camera.project(row.face_3d) - row.face_2d).max() < 0.6
        assert np.abs(row.camera.project(row.eyes_3d) - row.eyes_2d).max() < 0.6


def test_gaze_angles_follow_from_the_vectors(rows):
    for row in rows:
        vectors = np.array([[row.cells[f"gaze_{eye}_{axis}"] for axis in "xyz"] for eye in (0, 1)])
        wanted = [row.cells["gaze_angle_x"], row.cells["gaze_angle_y"]]
        assert gaze.gaze_angles(vectors) == pytest.approx(wanted, abs=0.001)
        assert (vectors[:, 2] < 0).all()


def test_the_depths_of_landmarks_follow_the_weak_perspective(rows):
    """The mean depth is fx / p_scale, and p_r (not the head pose) turns the face to look straight ahead."""
    for row in rows:
        assert row.face_3d[:, 2].mean() == pytest.approx(row.camera.fx / row.cells["p_scale"], rel=0.001)
        assert row.face_2d.mean(axis=0) == pytest.approx([row.cells["p_tx"], row.cells["p_ty"]], abs=0.6)
        turned_back = row.face_3d @ rotation_of(*row.shape_angles)
        assert abs(turned_back[45, 2] - turned_back[36, 2]) < 8


def test_our_weak_perspective_fit_to_openfaces_points_is_openfaces(rows):
    for row in rows:
        fitted = pose.fit_weak_perspective(row.face_2d)
        assert fitted.scale == pytest.approx(row.cells["p_scale"], rel=0.025)
        assert np.degrees(fitted.angles - row.shape_angles) == pytest.approx([0, 0, 0], abs=4.5)
        assert fitted.place == pytest.approx([row.cells["p_tx"], row.cells["p_ty"]], abs=0.6)


def test_our_pose_of_openfaces_points_is_openfaces(rows):
    """Angles to 3.5 degrees, the place to 10 mm, from 0.2 to 0.9 m away."""
    for row in rows:
        shape = pose.fit_weak_perspective(row.face_2d)
        depth = row.camera.fx / shape.scale
        place = row.camera.rays(shape.place[np.newaxis])[0] * depth
        start = pose.Pose(pose._sight_rotation(place) @ shape.rotation, place)
        found = pose.refine(canonical_face.face_points(), row.face_2d, row.camera, start)
        assert np.degrees(found.angles - row.head.angles) == pytest.approx([0, 0, 0], abs=3.5)
        assert found.translation == pytest.approx(row.head.translation, abs=10)


def test_eyes_are_as_wide_as_openfaces(rows):
    for row in rows:
        for eye in (row.eyes_3d[:28], row.eyes_3d[28:]):
            assert np.linalg.norm(eye[14] - eye[8]) == pytest.approx(gaze._EYE_WIDTH_MM, abs=3)


def test_eye_0_is_on_the_left_and_its_landmarks_come_in_our_order(rows):
    for row in rows:
        assert row.eyes_2d[:28, 0].mean() < row.eyes_2d[28:, 0].mean()
        for eye in (row.eyes_2d[:28], row.eyes_2d[28:]):
            iris, lids, pupil = eye[:8], eye[8:20], eye[20:]
            for ring, ours in ((iris, landmarks._IRIS_RING), (pupil, landmarks._PUPIL_RING)):
                from_center = ring - ring.mean(axis=0)
                directions = ours / np.linalg.norm(ours, axis=1, keepdims=True)
                lengths = np.linalg.norm(from_center, axis=1)
                # Within 45 degrees of where our point of the same number lies (cells have one decimal).
                assert ((from_center * directions).sum(axis=1) > 0.7 * lengths).all()
            assert lids[:, 0].argmin() in (0, 1, 11)
            assert lids[:, 0].argmax() in (5, 6, 7)
            assert lids[1:6, 1].mean() < lids[7:, 1].mean()


def test_the_share_of_the_pupil(rows):
    for row in rows:
        sizes = [np.linalg.norm(np.ptp(row.eyes_3d[first : first + 8], axis=0)) for first in (0, 20)]
        assert sizes[1] / sizes[0] == pytest.approx(landmarks.PUPIL_SHARE, abs=0.05)


def test_the_ridge_of_the_nose_is_in_thirds(rows):
    for row in rows:
        parts = np.linalg.norm(np.diff(row.face_2d[27:31], axis=0), axis=1)
        assert parts / parts.sum() == pytest.approx([1 / 3] * 3, abs=0.03)


def test_the_canonical_face_is_as_large_and_as_placed_as_openfaces(rows):
    """Outer eyes 87 mm apart against 90-95, their middle 38 mm above the origin against 36-39."""
    for row in rows:
        model = (row.face_3d - row.head.translation) @ row.head.rotation
        ours = canonical_face.face_points()
        assert np.linalg.norm(model[45] - model[36]) == pytest.approx(np.linalg.norm(ours[45] - ours[36]), rel=0.1)
        assert model[[36, 45], 1].mean() == pytest.approx(ours[[36, 45], 1].mean(), abs=4)
