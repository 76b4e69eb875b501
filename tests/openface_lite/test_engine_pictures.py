"""Pictures of every kind: colours, depths, alpha, CMYK, turned by EXIF, huge, tiny, and broken ones."""

import cv2
import numpy as np
import pytest

from openface_lite import MediaError, analyse_image, read_image
from openface_lite.pictures import MAX_SIDE, picture_of
from tests.openface_lite.pictures_made import cmyk_jpeg, jpeg_header, png_header, with_exif_orientation

# Where the face of the portrait lies, and how far a lesser rendering may move it.
BOX = (180, 70, 271, 178)
TOLERANCE = 3


@pytest.fixture(scope="module")
def grey(portrait):
    return cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY)


def only_box(source):
    (face,) = analyse_image(source)
    return face.box


def test_arrays_of_every_kind_show_the_same_face(portrait, grey):
    alpha = np.dstack([portrait, np.full(grey.shape, 40, np.uint8)])
    for array in (grey, grey[:, :, np.newaxis], alpha, portrait.astype(np.uint16) * 257):
        assert only_box(array) == pytest.approx(BOX, abs=TOLERANCE), array.shape


def test_an_array_need_not_lie_in_one_piece(portrait):
    wide = np.repeat(portrait, 2, axis=1)
    assert (only_box(wide[:, ::2]) == only_box(portrait)).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros(9, np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((9, 9, 3)),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(ValueError, match="not a picture"):
        analyse_image(array)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
def test_files_and_bytes_of_every_format(portrait, grey, tmp_path, suffix):
    for name, image in (("colour", portrait), ("grey", grey)):
        path = tmp_path / (name + suffix)
        cv2.imwrite(str(path), image)
        assert only_box(path) == pytest.approx(BOX, abs=TOLERANCE)
        assert (only_box(path.read_bytes()) == only_box(str(path))).all()


def test_png_with_16_bits_and_with_alpha(portrait, tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), portrait.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([portrait, np.zeros(portrait.shape[:2], np.uint8)]))
    for name in ("deep.png", "alpha.png"):
        assert only_box(tmp_path / name) == pytest.approx(BOX, abs=TOLERANCE)


def test_a_picture_in_four_inks_is_read_in_its_colours(portrait):
    content = cmyk_jpeg(portrait)
    assert np.abs(picture_of(content).pixels.astype(int) - portrait).mean() < 4
    assert only_box(content) == pytest.approx(BOX, abs=TOLERANCE)


@pytest.mark.parametrize(("orientation", "stored_turns"), [(6, 1), (3, 2), (8, 3)])
def test_exif_says_which_way_is_up(portrait, orientation, stored_turns):
    upright = portrait[:, 60:400]
    stored = cv2.imencode(".jpg", np.rot90(upright, stored_turns))[1].tobytes()
    picture = picture_of(with_exif_orientation(stored, orientation))
    assert (picture.width, picture.height) == (340, 512)
    (face,) = analyse_image(with_exif_orientation(stored, orientation))
    assert face.box == pytest.approx(np.subtract(BOX, (60, 0, 60, 0)), abs=TOLERANCE)


def huge(portrait, orientation=1):
    """A JPEG of 4600 x 5000 whose face is ten times as large, stored as its orientation says."""
    canvas = cv2.resize(portrait[0:500, 20:480], (4600, 5000), interpolation=cv2.INTER_LINEAR)
    stored = np.rot90(canvas) if orientation == 6 else canvas
    return with_exif_orientation(cv2.imencode(".jpg", stored)[1].tobytes(), orientation)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_huge_photo_is_decoded_small_and_answered_in_full_size(portrait, orientation):
    content = huge(portrait, orientation)
    picture = picture_of(content)
    assert picture.pixels.shape[:2] == (2500, 2300)
    assert (picture.width, picture.height) == (4600, 5000)
    (face,) = analyse_image(content)
    assert face.box == pytest.approx(10 * np.subtract(BOX, (20, 0, 20, 0)), abs=10 * TOLERANCE)
    # Millimetres and angles do not depend on the pixels; the camera is that of the full size.
    assert face.camera.cx == 2300
    assert np.abs(face.camera.project(face.landmarks_3d) - face.landmarks_2d).max() < 1e-6


def test_a_huge_array_or_png_is_shrunk(portrait, tmp_path):
    wide = np.full((1024, MAX_SIDE + 512, 3), 128, np.uint8)
    wide[:, 1000:2024] = cv2.resize(portrait, (1024, 1024), interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(tmp_path / "wide.png"), wide, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    for source in (wide, tmp_path / "wide.png"):
        picture = picture_of(source)
        assert picture.pixels.shape == (910, MAX_SIDE, 3)
        assert (picture.width, picture.height) == (MAX_SIDE + 512, 1024)
        assert only_box(source) == pytest.approx(2 * np.add(BOX, (500, 0, 500, 0)), abs=2 * TOLERANCE)


@pytest.mark.parametrize("header", [png_header, jpeg_header])
def test_a_promise_of_too_many_pixels_is_refused_unseen(header):
    with pytest.raises(MediaError, match="too large"):
        analyse_image(header(60000, 60000))
    with pytest.raises(MediaError, match="decode"):
        analyse_image(header(600, 600))


@pytest.mark.parametrize("side", [1, 2, 8, 15])
def test_tiny_pictures_show_nothing(portrait, side):
    assert analyse_image(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA), thorough=True) == []


def test_a_face_of_thirty_pixels_fills_a_tiny_picture(portrait):
    tiny = cv2.resize(portrait[40:220, 140:320], (48, 48), interpolation=cv2.INTER_AREA)
    (face,) = analyse_image(tiny)
    assert 20 < face.size < 40


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8", b"\xff\xd8\xff\xff\xff", b"\xff\xd8\xff\xe1\xff\xff"])
def test_what_is_no_picture_is_an_error(tmp_path, content):
    (tmp_path / "bad.jpg").write_bytes(content)
    for read in (analyse_image, read_image):
        with pytest.raises(MediaError):
            read(tmp_path / "bad.jpg")


def test_a_missing_picture_is_an_error(tmp_path):
    for read in (analyse_image, read_image):
        with pytest.raises(MediaError, match=r"no\.png"):
            read(tmp_path / "no.png")


def test_reading_keeps_the_full_size(portrait, tmp_path):
    (tmp_path / "huge.jpg").write_bytes(huge(portrait))
    assert read_image(tmp_path / "huge.jpg").shape == (5000, 4600, 3)
