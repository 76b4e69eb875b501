"""Finding faces: small, masked, filling the picture; and none where there is none."""

import cv2
import numpy as np
import pytest

from benchmarks import profiles
from openface_lite import analyse_image
from openface_lite.track import FaceTracker
from tests.openface_lite.engine_runs import PORTRAIT, SHARED
from tests.openface_lite.faces_made import with_mask

# The portrait's face is about 100 px high.
FACE = (slice(40, 220), slice(130, 320))
FACE_PX = 100


def crowd(portrait: np.ndarray, face_px: int) -> np.ndarray:
    """25 equal faces on a picture of 640 x 480."""
    scale = face_px / FACE_PX
    head = cv2.resize(portrait[FACE], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((480, 640, 3), 120, np.uint8)
    for row in range(5):
        for column in range(5):
            top, left = 8 + row * 95, 20 + column * 125
            canvas[top : top + head.shape[0], left : left + head.shape[1]] = head
    return canvas


@pytest.mark.parametrize(("face_px", "least"), [(40, 25), (32, 25), (24, 20)])
def test_small_faces_are_found_with_two_depths_of_tiles(portrait, face_px, least):
    picture = crowd(portrait, face_px)
    plain, thorough = analyse_image(picture, tiles=False), analyse_image(picture, thorough=True)
    assert len(plain) < 12
    print(f"{len(thorough)} of 25 faces of {face_px} px")
    assert len(thorough) >= least
    for face in thorough:
        assert face.size == pytest.approx(face_px * 1.08, rel=0.15)


def test_commands_for_wild_media_find_small_faces(command, portrait, tmp_path):
    cv2.imwrite(str(tmp_path / "crowd.png"), crowd(portrait, 40))
    for options, least, most in (((), 20, 24), (("-wild",), 25, 25), (("-multi_view", "1"), 25, 25)):
        rows = command("FaceLandmarkImg", "-f", tmp_path / "crowd.png", "-2Dfp", *options).table("crowd")
        assert least <= len(rows) <= most, options


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.5])
def test_masked_faces_are_found(portrait, scale):
    masked = cv2.resize(with_mask(portrait), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (face,) = analyse_image(masked)
    (bare,) = analyse_image(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    eyes_apart = np.linalg.norm(bare.landmarks_2d[45] - bare.landmarks_2d[36])
    assert np.abs(face.landmarks_2d[36:48] - bare.landmarks_2d[36:48]).max() < 0.08 * eyes_apart


@pytest.mark.parametrize("inset", [0.0, 0.1, 0.15])
def test_face_that_fills_the_picture_is_found(portrait, inset):
    (face,) = analyse_image(portrait)
    left, top, right, bottom = face.box
    width, height = right - left, bottom - top
    rows = slice(round(top + inset * height), round(bottom - inset * height))
    columns = slice(round(left + inset * width), round(right - inset * width))
    (filling,) = analyse_image(cv2.resize(portrait[rows, columns], None, fx=3, fy=3))
    nose = (face.landmarks_2d[30] - (columns.start, rows.start) + 0.5) * 3 - 0.5
    assert filling.landmarks_2d[30] == pytest.approx(nose, abs=10)


def faceless(portrait: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures that show something, but no face."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[0:400, 0:500]
    rings = (127 + 120 * np.sin(np.hypot(rows - 200, columns - 250) / 6)).astype(np.uint8)
    clouds = cv2.GaussianBlur(random.integers(0, 255, (400, 500, 3), dtype=np.uint8), (0, 0), 12)
    buttons = np.full((400, 400, 3), 190, np.uint8)
    for x, y, radius in ((150, 160, 25), (250, 160, 25), (200, 230, 12)):
        cv2.circle(buttons, (x, y), radius, (60, 50, 40), -1)
    return {
        "rings": cv2.merge([rings] * 3),
        "clouds": cv2.normalize(clouds, None, 0, 255, cv2.NORM_MINMAX),
        "buttons": buttons,
        "suit": portrait[230:].copy(),
        "helmet": portrait[250:, 260:].copy(),
        "flag": portrait[:, :120].copy(),
        "shuttle": portrait[0:300, 370:].copy(),
        "hair": portrait[0:70, 150:300].copy(),
    }


def test_no_face_is_found_where_there_is_none(portrait):
    pictures = faceless(portrait)
    found = {name: len(analyse_image(picture, thorough=True)) for name, picture in pictures.items()}
    assert found == dict.fromkeys(pictures, 0)


@pytest.mark.parametrize("name", ["no_face_cat.png", "no_face_rocket.jpg"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_no_face_is_found_in_photos_without_one(name, scale):
    path = SHARED / "media" / name
    if not path.exists():
        pytest.skip(f"{name} is not part of the repository")
    picture = cv2.imread(str(path))
    for changed in (picture, picture[:, ::-1], picture[::-1]):
        scaled = cv2.resize(changed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert analyse_image(scaled, thorough=True) == []


def test_face_turned_aside_is_found_in_a_tilted_region_and_followed_back():
    """Turned by 60 degrees the portrait shows in a tilted region only; from the front it needs none."""
    points, picture = profiles.portrait_points(), cv2.imread(str(PORTRAIT))
    aside, ahead = (profiles.drawn(picture, points, yaw, 0) for yaw in (60, 0))
    tracker = FaceTracker()
    first, second, back = (tracker.step(view.pixels) for view in (aside, aside, ahead))
    assert first and first.mesh.tilt and profiles.points_off(first, aside, points) < 12
    assert second and second.mesh.tilt == first.mesh.tilt
    assert back and back.mesh.tilt == 0 and profiles.points_off(back, ahead, points) < 3
