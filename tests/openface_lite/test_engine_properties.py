"""What must hold for any picture: mirror it, scale it, shift it, turn it, and the numbers follow."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openface_lite import Camera, Face, analyse_image, canonical_face, pose

SIDE = 600
CAMERA = Camera.for_size(SIDE, SIDE)
# Derandomised: the same pictures on every machine. Each costs some 50 ms.
few = settings(
    max_examples=12, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# The portrait's face lies around here.
FACE_CENTER = (225, 122)
# What a few degrees of interpolation noise may do to the fit.
ANGLE = np.radians(3)


def placed(portrait, *, x=300.0, y=300.0, scale=1.4, degrees=0.0, squeeze=1.0):
    """The portrait on a canvas of SIDE pixels: its face at (x, y), turned clockwise, narrowed by ``squeeze``."""
    turn = cv2.getRotationMatrix2D((0, 0), -degrees, scale)[:, :2] @ np.diag([squeeze, 1])
    shift = np.array([x, y]) - turn @ FACE_CENTER
    return cv2.warpAffine(portrait, np.column_stack([turn, shift]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def only_face(picture) -> Face:
    (face,) = analyse_image(picture)
    return face


places = st.floats(200, 400)
scales = st.floats(0.9, 1.8)
leans = st.floats(-30, 30)


@few
@given(x=places, y=places, scale=scales, degrees=leans, squeeze=st.floats(0.85, 1))
def test_a_mirrored_picture_changes_the_signs_of_yaw_and_roll(portrait, x, y, scale, degrees, squeeze):
    picture = placed(portrait, x=x, y=y, scale=scale, degrees=degrees, squeeze=squeeze)
    face, mirrored = only_face(picture), only_face(np.ascontiguousarray(picture[:, ::-1]))
    pitch, yaw, roll = face.head_pose.angles
    assert mirrored.head_pose.angles == pytest.approx([pitch, -yaw, -roll], abs=ANGLE)
    assert mirrored.head_pose.translation[0] == pytest.approx(-face.head_pose.translation[0], abs=8)
    assert mirrored.weak_perspective.scale == pytest.approx(face.weak_perspective.scale, rel=0.03)
    left_right = mirrored.key_points.left_eye[0] + face.key_points.right_eye[0]
    assert left_right == pytest.approx(SIDE - 1, abs=3)


@few
@given(scale=scales, degrees=leans, factor=st.floats(0.6, 3))
def test_a_scaled_picture_keeps_its_angles_and_scales_its_pixels(portrait, scale, degrees, factor):
    picture = placed(portrait, scale=scale, degrees=degrees)
    side = round(SIDE * factor)
    # The guessed focal length grows with the picture: millimetres stay as well.
    face, scaled = only_face(picture), only_face(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))
    factor = side / SIDE
    assert scaled.head_pose.angles == pytest.approx(face.head_pose.angles, abs=ANGLE)
    assert scaled.head_pose.translation == pytest.approx(face.head_pose.translation, rel=0.04, abs=4)
    moved = (scaled.landmarks_2d + 0.5) / factor - 0.5 - face.landmarks_2d
    assert np.abs(moved).mean() < 0.015 * face.size


@few
@given(x=places, y=places, degrees=leans)
def test_a_shifted_face_moves_its_translation(portrait, x, y, degrees):
    middle, moved = (
        only_face(placed(portrait, x=300, y=300, degrees=degrees)),
        only_face(placed(portrait, x=x, y=y, degrees=degrees)),
    )
    assert moved.landmarks_2d - middle.landmarks_2d == pytest.approx(np.tile([x - 300, y - 300], (68, 1)), abs=5)
    shift_mm = np.array([x - 300, y - 300]) / middle.weak_perspective.scale
    shift = moved.head_pose.translation - middle.head_pose.translation
    assert shift[:2] == pytest.approx(shift_mm, abs=0.08 * np.linalg.norm(shift_mm) + 6)
    assert moved.weak_perspective.angles == pytest.approx(middle.weak_perspective.angles, abs=ANGLE)


@few
@given(degrees=st.floats(-180, 180))
def test_a_face_of_any_rotation_is_found_and_its_roll_measured(portrait, degrees):
    upright, turned = only_face(placed(portrait)), only_face(placed(portrait, degrees=degrees))
    change = turned.weak_perspective.angles[2] - upright.weak_perspective.angles[2] - np.radians(degrees)
    assert (change + np.pi) % (2 * np.pi) - np.pi == pytest.approx(0, abs=np.radians(8))
    assert turned.confidence > 0.8


angles = st.tuples(st.floats(-0.6, 0.6), st.floats(-1.0, 1.0), st.floats(-3.1, 3.1))


@settings(few, max_examples=60)
@given(angles=angles, x=st.floats(-200, 200), y=st.floats(-150, 150), z=st.floats(300, 3000), seed=st.integers(0, 99))
def test_our_pose_is_that_of_opencvs_solver(angles, x, y, z, seed):
    """From noisy points and a start that is 6 degrees and 20 mm off."""
    random = np.random.default_rng(seed)
    about_z = pose._rotation_about(np.array([0, 0, angles[2]]))
    true = pose.Pose(pose._rotation_x(angles[0]) @ pose._rotation_y(angles[1]) @ about_z, np.array([x, y, z]))
    model = canonical_face.points()
    pixels = CAMERA.project(true.place(model)) + random.normal(0, 0.5, (len(model), 2))
    start = pose.Pose(
        pose._rotation_about(random.normal(0, 0.1, 3)) @ true.rotation, true.translation + random.normal(0, 20, 3)
    )
    found = pose.refine(model, pixels, CAMERA, start)
    expected = pose._refine_damped(model, pixels, CAMERA, start)
    assert found.rotation == pytest.approx(expected.rotation, abs=1e-4)
    assert found.translation == pytest.approx(expected.translation, rel=1e-4, abs=0.01)


@settings(few, max_examples=60)
@given(angles=angles, scale=st.floats(0.2, 5))
def test_a_weak_perspective_is_recovered(angles, scale):
    about_z = pose._rotation_about(np.array([0, 0, angles[2]]))
    rotation = pose._rotation_x(angles[0]) @ pose._rotation_y(angles[1]) @ about_z
    points = canonical_face.face_points()
    pixels = scale * (points - points.mean(axis=0)) @ rotation[:2].T + (70, 90)
    found = pose.fit_weak_perspective(pixels)
    assert found.scale == pytest.approx(scale)
    assert found.angles == pytest.approx(np.array(angles), abs=1e-6)
    assert found.place == pytest.approx([70, 90])
