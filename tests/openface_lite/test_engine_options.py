"""Options that the commands share: what each changes, and that the rest is ignored without a word."""

import struct

import cv2
import numpy as np
import pytest

from openface_lite import cli, columns
from openface_lite.arguments import Arguments
from openface_lite.track import FaceTracker
from tests.openface_lite.engine_runs import PORTRAIT, write_video

IDENTITY = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
# The display matrix of a phone: turn the stored picture clockwise by 90, 180 and 270 degrees when shown.
TURNED = {
    90: struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    180: struct.pack(">9i", -65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    270: struct.pack(">9i", 0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
}
GROUPS = {
    "-gaze": ("gaze_0_x", 288),
    "-pose": ("pose_Tx", 6),
    "-2Dfp": ("x_0", 136),
    "-3Dfp": ("X_0", 204),
    "-pdmparams": ("p_scale", 40),
    "-aus": ("AU01_r", 35),
}


@pytest.fixture(scope="module")
def small_face(portrait, tmp_path_factory):
    """A face of 20 pixels in a picture of 1280, too small for the plain look."""
    canvas = np.full((720, 1280, 3), 128, np.uint8)
    canvas[300:400, 900:1000] = cv2.resize(portrait, (100, 100), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("media") / "small.png"
    cv2.imwrite(str(path), canvas)
    return path


@pytest.mark.parametrize("flag", list(GROUPS))
def test_each_flag_selects_its_group(flag):
    selection = Arguments.parse(["-f", "a.png", flag]).selection
    for groups, head in ((columns.image_groups(selection), 2), (columns.video_groups(selection), 5)):
        names = columns.header(groups).split(",")
        first, count = GROUPS[flag]
        assert names[head] == first
        assert len(names) == head + count


@pytest.mark.parametrize(("name", "head"), [("FeatureExtraction", 5), ("FaceLandmarkVidMulti", 5)])
def test_two_flags_select_two_groups_in_the_columns_order(command, name, head):
    (row,) = command(name, "-f", PORTRAIT, "-aus", "-pose").table("astronaut")
    assert len(row) == head + 6 + 35
    assert list(row)[head] == "pose_Tx"


@pytest.mark.parametrize(
    ("options", "found"), [((), False), (("-multi_view", "0"), False), (("-multi_view", "1"), True), (("-wild",), True)]
)
def test_wild_and_multi_view_look_harder(command, small_face, options, found):
    run = command("FaceLandmarkImg", "-f", small_face, "-2Dfp", *options)
    assert run.exit_code == 0
    assert ("small.csv" in run.files) == found


def test_a_wild_video_looks_harder_too(command, small_face):
    plain = command("FeatureExtraction", "-f", small_face, "-pose", "-of", "plain").table("plain")
    wild = command("FeatureExtraction", "-f", small_face, "-pose", "-of", "wild", "-wild").table("wild")
    assert [row["success"] for row in plain + wild] == ["0", "1"]


def test_options_of_other_models_detectors_and_displays_change_nothing(command):
    command("FaceLandmarkImg", "-f", PORTRAIT, "-of", "plain")
    run = command(
        *("FaceLandmarkImg", "-f", PORTRAIT, "-of", "more", "-fdloc", "haar.xml", "-validate_detections", "0"),
        *("-n_iter", "9", "-reg", "3", "-sigma", "1", "-w_reg", "2", "-verbose", "-vis-track", "-nobadaligned"),
        *("-format_aligned", "png", "-simscale", "x", "-simsize", "y", "-nomask", "-g", "-oc", "XVID", "-au_static"),
    )
    assert run.exit_code == 0
    assert (run.folder / "plain.csv").read_bytes() == (run.folder / "more.csv").read_bytes()


@pytest.mark.parametrize("option", ["-root", "-inroot"])
def test_the_last_root_wins(command, option):
    run = command("FaceLandmarkImg", "-root", "/nowhere", option, PORTRAIT.parent, "-f", PORTRAIT.name, "-pose")
    assert run.exit_code == 0


@pytest.mark.parametrize("name", ["FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti"])
@pytest.mark.parametrize("option", ["-f", "-out_dir", "-of", "-multi_view", "-fx", "-mloc", "-root"])
def test_an_option_without_its_value_at_the_end_is_no_crash(name, option, capsys):
    assert cli.main([name, option]) == (1 if name == "FaceLandmarkImg" else 0)
    assert "Could not load" not in capsys.readouterr().out


@pytest.mark.parametrize("degrees", list(TURNED))
def test_a_video_is_analysed_upright_whatever_its_flag(command, portrait, tmp_path, degrees):
    upright = portrait[0:320, 100:340]
    stored = np.ascontiguousarray(np.rot90(upright, degrees // 90))
    path = tmp_path / "phone.mp4"
    write_video(path, [stored] * 3)
    content = path.read_bytes()
    place = content.index(IDENTITY, content.index(b"tkhd"))
    path.write_bytes(content[:place] + TURNED[degrees] + content[place + len(IDENTITY) :])
    run = command("FeatureExtraction", "-f", path, "-2Dfp", "-pose")
    assert run.details("phone")[2].endswith(",120,160")
    (row, *_) = run.table("phone")
    assert float(row["x_30"]) == pytest.approx(123, abs=3)
    assert abs(float(row["pose_Rz"])) < 0.2


def test_a_video_on_its_side_without_a_flag_is_found_lying(command, portrait, tmp_path):
    stored = np.ascontiguousarray(np.rot90(portrait[0:320, 100:340]))
    write_video(tmp_path / "lying.mp4", [stored] * 3)
    rows = command("FeatureExtraction", "-f", tmp_path / "lying.mp4", "-pose").table("lying")
    assert [row["success"] for row in rows] == ["1"] * 3
    assert float(rows[0]["pose_Rz"]) == pytest.approx(-np.pi / 2, abs=0.25)


def test_the_same_face_is_kept_when_a_larger_one_comes(command, portrait, tmp_path):
    """It began as the only one; that another becomes the biggest, or that it blinks out, changes nothing."""
    frames = []
    for number in range(12):
        canvas = np.full((320, 640, 3), 128, np.uint8)
        if number != 8:
            canvas[40:280, 20:260] = cv2.resize(portrait[20:260, 100:340], (240, 240))
        if number >= 4:
            canvas[0:320, 320:640] = cv2.resize(portrait[20:260, 100:340], (320, 320))
        frames.append(canvas)
    write_video(tmp_path / "two.mp4", frames)
    rows = command("FeatureExtraction", "-f", tmp_path / "two.mp4", "-2Dfp").table("two")
    assert [row["success"] for row in rows] == ["1"] * 8 + ["0"] + ["1"] * 3
    assert all(float(row["x_30"]) < 300 for row in rows if row["success"] == "1")


def test_after_a_cut_the_biggest_face_is_taken(portrait):
    left, right = (np.full((320, 640, 3), 128, np.uint8) for _ in range(2))
    face = cv2.resize(portrait[20:260, 100:340], (300, 300))
    left[10:310, 10:310] = right[10:310, 330:630] = face
    tracker = FaceTracker()
    seen = [tracker.step(frame) for frame in [left] * 2 + [right] * 5]
    assert [face is not None for face in seen] == [True, True, False, False, True, True, True]
    assert seen[-1].key_points.nose[0] > 330


def test_several_faces_have_no_row_without_a_face(command, tmp_path):
    write_video(tmp_path / "grey.mp4", [np.full((240, 320, 3), 100, dtype=np.uint8)] * 4)
    run = command("FaceLandmarkVidMulti", "-f", tmp_path / "grey.mp4")
    assert run.exit_code == 0
    assert run.files == {"grey_of_details.txt"}
    assert not any(line.startswith("Output csv") for line in run.details("grey"))


def test_details_file_states_the_support_levels(command):
    details = command("FaceLandmarkImg", "-f", PORTRAIT, "-aus").details("astronaut")
    assert "AU supported:AU01_r,AU06_r,AU12_r,AU25_r,AU45_r,AU45_c" in details
    assert "AU weak:AU02_r,AU05_r,AU07_r,AU10_r,AU26_r" in details
    (rest,) = [line for line in details if line.startswith("AU not_estimable:")]
    assert len(rest.split(",")) == 35 - 11
