"""One path, one answer: a face has the same numbers wherever its box fell, at once, as a file, with tiles or not."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openface_lite import Camera, Face, analyse_image, analyse_video, detect
from openface_lite.analyse import _measure
from openface_lite.mesh import fit_afresh
from openface_lite.pictures import picture_of
from tests.openface_lite.engine_runs import PORTRAIT, SHARED

PICTURES = ("one_face_obama_small.jpg", "one_face_obama_speaking.jpg", "two_faces.jpg", "five_faces_small.jpg")
shares = st.floats(-0.08, 0.08)
few = settings(
    max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def landmarks_apart(one: Face, other: Face) -> float:
    """Mean distance of the 68 points in % of the distance between the outer eye corners."""
    eyes = np.linalg.norm(one.landmarks_2d[45] - one.landmarks_2d[36])
    return float(100 * np.linalg.norm(one.landmarks_2d - other.landmarks_2d, axis=1).mean() / eyes)


def intensities_apart(one: Face, other: Face) -> float:
    return float(np.nanmax(np.abs(one.au_intensities - other.au_intensities)))


def measured_from(pixels: np.ndarray, found: detect.Detection, moved: tuple[float, float, float]) -> Face:
    """The face behind a detection whose box is moved by shares of its size in x and y, and made larger."""
    region, (right, down, larger) = found.region, moved
    x, y = region.center_x + right * found.size, region.center_y + down * found.size
    elsewhere = region._replace(center_x=x, center_y=y, size=region.size * (1 + larger))
    picture = picture_of(pixels)
    mesh = fit_afresh(picture, elsewhere, min_logit=2)
    face = _measure(picture, mesh, Camera.for_size(picture.width, picture.height)) if mesh else None
    assert face
    return face


@few
@given(right=shares, down=shares, larger=shares)
def test_moved_box_changes_nothing_that_matters(portrait, right, down, larger):
    (found,) = detect.detect(portrait)
    still, moved = (measured_from(portrait, found, by) for by in ((0, 0, 0), (right, down, larger)))
    assert landmarks_apart(still, moved) <= 0.5
    assert intensities_apart(still, moved) <= 0.1


@pytest.mark.parametrize("name", PICTURES)
def test_a_moved_box_changes_no_answer_of_a_photo(name):
    if not (SHARED / "media" / name).exists():
        pytest.skip(f"{name} is not part of the repository")
    pixels = picture_of(SHARED / "media" / name).pixels
    corners = [(x, y, z) for x in (-0.08, 0.08) for y in (-0.08, 0.08) for z in (-0.08, 0.08)]
    for found in detect.detect(pixels, tiles=1):
        still, *moved = (measured_from(pixels, found, by) for by in ((0, 0, 0), *corners))
        assert max(landmarks_apart(still, face) for face in moved) <= 0.5
        assert max(intensities_apart(still, face) for face in moved) <= 0.1


@pytest.mark.parametrize("name", [str(PORTRAIT), *PICTURES])
def test_tiles_change_no_intensity(name):
    path = SHARED / "media" / name
    if not path.exists():
        pytest.skip(f"{name} is not part of the repository")
    plain, tiled, thorough = (analyse_image(path, **how) for how in ({"tiles": False}, {}, {"thorough": True}))
    assert len(tiled) == len(thorough) >= len(plain)
    for face in plain + tiled:
        nearest = min(thorough, key=lambda other: landmarks_apart(face, other))
        assert landmarks_apart(face, nearest) <= 0.25
        assert intensities_apart(face, nearest) <= 0.05


def test_command_writes_what_the_library_answers_at_once(command):
    (row,) = command("FaceLandmarkImg", "-f", PORTRAIT, "-wild").table("astronaut")
    (face,) = analyse_image(PORTRAIT.read_bytes())
    for name, unit in face.action_units.items():
        assert (row[name] == "") == (unit.intensity is None)
        assert unit.intensity is None or float(row[name]) == pytest.approx(unit.intensity, abs=0.05)
    assert [float(row[f"x_{i}"]) for i in range(68)] == pytest.approx(face.landmarks_2d[:, 0], abs=0.15)


def test_still_shown_as_a_video_keeps_its_points(portrait):
    (face,) = analyse_image(portrait)
    table = analyse_video([portrait] * 6, fps=25, au_static=True)
    eyes = np.linalg.norm(face.landmarks_2d[45] - face.landmarks_2d[36])
    for frame in range(6):
        points = np.array([[table[f"{axis}_{i}"][frame] for axis in "xy"] for i in range(68)])
        assert np.linalg.norm(points - face.landmarks_2d, axis=1).mean() <= 0.005 * eyes
    for name, unit in face.action_units.items():
        assert unit.intensity is None or table[name] == pytest.approx(np.full(6, unit.intensity), abs=0.1)
