"""Aligned crops: every face at the same place, level and at one size, on real pixels."""

import cv2
import numpy as np
import pytest

from openface_lite import analyse_image, canonical_face
from openface_lite.aligned import SIDE, aligned_face
from openface_lite.pictures import picture_of
from tests.openface_lite.engine_runs import PORTRAIT

# Eye corners among the 68 points: outer and inner of the eye on the left, inner and outer of the other.
EYES = ([36, 39], [42, 45])


def turned(portrait, degrees, scale):
    """The portrait turned about its face and scaled, on a canvas that holds it."""
    matrix = cv2.getRotationMatrix2D((225.0, 120.0), degrees, scale)
    matrix[:, 2] += (300 - 225, 300 - 120)
    return cv2.warpAffine(portrait, matrix, (640, 640), flags=cv2.INTER_AREA, borderValue=(128, 128, 128))


def crop_of(pixels):
    picture = picture_of(pixels)
    (face,) = analyse_image(pixels)
    return aligned_face(picture, face)


def eyes_in(crop):
    """The irises' middles in a crop, looked for anew: the crop is a picture of a face again."""
    (face,) = analyse_image(cv2.copyMakeBorder(crop, 60, 60, 60, 60, cv2.BORDER_CONSTANT))
    return np.array([face.key_points.left_eye, face.key_points.right_eye]) - 60


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (25, 0.8), (-40, 1.3), (90, 1.0)])
def test_eyes_lie_at_the_same_places_whatever_the_picture(portrait, degrees, scale):
    straight, crop = crop_of(portrait), crop_of(turned(portrait, degrees, scale))
    assert crop.shape == (SIDE, SIDE, 3)
    assert eyes_in(crop) == pytest.approx(eyes_in(straight), abs=1.5)
    # The same face, so the same pixels but for resampling.
    seen = (crop > 0) & (straight > 0)
    assert np.abs(crop.astype(int) - straight.astype(int))[seen].mean() < 8


def test_eyes_lie_where_the_canonical_face_has_them(portrait):
    model = canonical_face.face_points()[:, :2]
    wanted = [SIDE / 2 + 0.7 * (model[eye].mean(axis=0) - model.mean(axis=0)) for eye in EYES]
    assert eyes_in(crop_of(portrait)) == pytest.approx(np.array(wanted), abs=4)


def test_around_the_face_the_crop_is_black(portrait):
    crop = crop_of(portrait)
    assert not crop[-1, 0].any() and not crop[-1, -1].any()
    assert 0.5 < (crop.sum(axis=2) > 0).mean() < 0.95


def test_commands_write_crops_only_where_they_are_named(command, face_clip):
    picture = command("FaceLandmarkImg", "-f", PORTRAIT, "-simalign", "-pose", "-format_aligned", "png")
    assert {path.name for path in (picture.folder / "astronaut_aligned").iterdir()} == {"face_det_000000.png"}
    assert "Output aligned directory:astronaut_aligned" in picture.details("astronaut")
    drawn = cv2.imread(str(picture.folder / "astronaut_aligned" / "face_det_000000.png"))
    assert np.array_equal(drawn, crop_of(PORTRAIT))
    video = command("FeatureExtraction", "-f", face_clip, "-simalign", "-pose")
    names = sorted(path.name for path in (video.folder / "face clip.v1_aligned").iterdir())
    # Frames 6 to 9 show no face.
    assert names == [f"frame_det_00_{number:06}.bmp" for number in (*range(1, 6), *range(10, 15))]
    plain = command("FaceLandmarkImg", "-f", PORTRAIT, "-of", "plain")
    assert "plain_aligned" not in plain.files
