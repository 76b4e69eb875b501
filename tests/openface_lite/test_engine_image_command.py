"""FaceLandmarkImg as a child process: its exit codes, words and files."""

import sys

import cv2
import numpy as np
import pytest

from tests.openface_lite.engine_runs import PORTRAIT, REPOSITORY, side_by_side

DETAIL_KEYS = ["Input", "Input full path", "Camera parameters"]
WRITTEN_WITH_THE_FIRST_ROW = [
    *("Output csv", "Gaze", "AUs", "Landmarks 2D", "Landmarks 3D", "Pose", "Shape parameters"),
]
REMARK_KEYS = ["Engine", "AU supported", "AU weak", "AU not_estimable"]


def keys(details):
    return [line.split(":", 1)[0] for line in details]


@pytest.fixture
def no_face(tmp_path):
    path = tmp_path / "plain.png"
    cv2.imwrite(str(path), np.full((300, 400, 3), 120, dtype=np.uint8))
    return path


def test_one_face_gives_one_row_of_711_columns(child):
    run = child("FaceLandmarkImg", "-f", PORTRAIT)
    assert run.exit_code == 0
    assert run.files == {"astronaut.csv", "astronaut_of_details.txt"}
    (row,) = run.table("astronaut")
    assert len(row) == 711
    assert row["face"] == "0"
    assert row["confidence"] == "1.000"
    assert b"\r" not in (run.folder / "astronaut.csv").read_bytes()
    words = run.stdout.splitlines()
    assert words[0] == "Loading the model"
    assert words.index("Model loaded") < words.index("Starting tracking")
    assert words[-1] == "Starting tracking"
    assert sum("Not produced" in line for line in words) == 1


def test_the_details_file_has_the_order_of_the_real_one(command):
    run = command("FaceLandmarkImg", "-f", PORTRAIT)
    details = run.details("astronaut")
    assert keys(details) == DETAIL_KEYS + WRITTEN_WITH_THE_FIRST_ROW + REMARK_KEYS
    assert details[0] == f"Input:{PORTRAIT}"
    assert details[2] == "Camera parameters:466.667,466.667,256,256"
    assert details[3:5] == ["Output csv:astronaut.csv", "Gaze: 1"]


def test_no_face_leaves_a_details_file_and_no_csv(command, no_face):
    run = command("FaceLandmarkImg", "-f", no_face, "-wild")
    assert run.exit_code == 0
    assert run.files == {"plain_of_details.txt"}
    assert keys(run.details("plain")) == DETAIL_KEYS + REMARK_KEYS


def test_several_faces_come_largest_first(command, portrait, tmp_path):
    cv2.imwrite(str(tmp_path / "two.png"), side_by_side(portrait))
    rows = command("FaceLandmarkImg", "-f", tmp_path / "two.png").table("two")
    assert [row["face"] for row in rows] == ["0", "1"]
    assert float(rows[0]["p_scale"]) > 1.4 * float(rows[1]["p_scale"])
    assert float(rows[0]["x_30"]) > 388 > float(rows[1]["x_30"])


def test_a_missing_picture_ends_the_batch_after_the_models_are_loaded(command, tmp_path):
    run = command("FaceLandmarkImg", "-f", tmp_path / "no.png", "-f", PORTRAIT)
    assert run.exit_code == 1
    assert f"Error: Could not open the image: {tmp_path / 'no.png'}" in run.stdout
    assert "Model loaded" in run.stdout
    assert run.files == set()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n1234"])
def test_an_undecodable_picture_ends_the_batch(command, tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-f", tmp_path / "bad.png", "-f", PORTRAIT)
    assert run.exit_code == 1
    assert "Error: Could not open the image" in run.stdout
    assert run.files == {"astronaut.csv", "astronaut_of_details.txt"}


def test_without_arguments_it_points_to_the_documentation(command):
    run = command("FaceLandmarkImg", out=False)
    assert run.exit_code == 0
    assert len(run.stdout.splitlines()) == 2


def test_a_picture_without_f_is_no_input(command):
    run = command("FaceLandmarkImg", PORTRAIT)
    assert run.exit_code == 1
    assert run.stdout == "Could not open any images\n"
    assert run.files == set()


def test_a_folder_is_read_by_suffix_and_sorted_as_text(command, portrait, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    small = portrait[20:260, 100:340]
    for name in ("frame_10.png", "frame_2.bmp", "UPPER.PNG", "notes.txt"):
        (folder / name).write_bytes(cv2.imencode(".png", small)[1].tobytes())
    # An empty picture between the two shows the order: it ends the batch.
    (folder / "frame_11.png").touch()
    run = command("FaceLandmarkImg", "-fdir", folder)
    assert run.exit_code == 1
    assert run.files == {"frame_10.csv", "frame_10_of_details.txt"}
    assert run.stdout.startswith(f"Attempting to read from directory: {folder}\n")


def test_a_folder_without_pictures_is_an_error(command, tmp_path):
    run = command("FaceLandmarkImg", "-fdir", tmp_path)
    assert run.exit_code == 1
    assert f"No images found in the directory: {tmp_path}" in run.stdout


def test_a_missing_folder_is_an_error(command, tmp_path):
    assert command("FaceLandmarkImg", "-fdir", tmp_path / "no").exit_code == 1


def test_a_folder_does_not_count_beside_a_file(command, tmp_path):
    assert command("FaceLandmarkImg", "-fdir", tmp_path / "no", "-f", PORTRAIT).exit_code == 0


@pytest.mark.parametrize(
    ("given", "stem"),
    [("a.csv", "a"), ("clip.v2", "clip"), ("with blank.csv", "with blank"), ("sub/b.csv", "sub/b")],
)
def test_the_output_name_loses_its_last_extension(command, given, stem):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-of", given)
    assert (run.folder / f"{stem}.csv").exists()
    assert (run.folder / f"{stem}_of_details.txt").exists()


def test_output_names_are_used_up_in_order(command):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-of", "first.csv", "-f", PORTRAIT, "-pose")
    assert {"first.csv", "astronaut.csv"} <= run.files


def test_without_out_dir_it_writes_to_processed(command, tmp_path):
    command("FaceLandmarkImg", "-f", PORTRAIT, out=False)
    assert (tmp_path / "processed" / "astronaut.csv").exists()


def test_root_goes_before_the_file(command):
    run = command("FaceLandmarkImg", "-root", PORTRAIT.parent, "-f", PORTRAIT.name)
    assert "astronaut.csv" in run.files


def test_flags_select_columns_and_unknown_words_are_ignored(command):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-pose", "--help", "stray", "-multi-view", "-q")
    assert run.exit_code == 0
    (row,) = run.table("astronaut")
    assert list(row) == ["face", "confidence", *(f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz")]
    assert "Pose: 1" in run.details("astronaut")
    assert "AUs: 0" in run.details("astronaut")
    assert "Not produced" not in run.stdout


def test_an_output_it_cannot_make_is_said_and_not_created(command):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-tracked", "-pose", "-bboxdir", "x")
    assert "Not produced by this engine: tracked media\n" in run.stdout
    assert "Ignored by this engine: -bboxdir\n" in run.stdout
    assert run.files == {"astronaut.csv", "astronaut_of_details.txt"}


@pytest.mark.parametrize(
    ("options", "camera"),
    [
        (("-fx", "500", "-fy", "510"), "500,510,256,256"),
        (("-cx", "200", "-cy", "210.5"), "466.667,466.667,200,210.5"),
        (("-fx", "500"), "466.667,466.667,256,256"),
        (("-fx", "wide", "-fy", "510"), "466.667,466.667,256,256"),
    ],
)
def test_camera_values_count_in_pairs(command, options, camera):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-pose", *options)
    assert f"Camera parameters:{camera}" in run.details("astronaut")


def test_an_option_without_its_value_is_ignored(command):
    run = command("FaceLandmarkImg", "-out_dir", "there", "-f", PORTRAIT, "-pose", "-of", out=False)
    assert run.exit_code == 0


def test_the_requested_model_is_recorded(command):
    run = command("FaceLandmarkImg", "-f", PORTRAIT, "-pose", "-mloc", "model/main_clnf_general.txt")
    assert run.details("astronaut")[-1].endswith(":model/main_clnf_general.txt")


def test_a_folder_that_cannot_be_made_is_an_error(command, tmp_path):
    (tmp_path / "out").write_text("a file is in the way")
    run = command("FaceLandmarkImg", "-f", PORTRAIT)
    assert run.exit_code == 1
    assert run.stdout.splitlines()[-1].startswith("ERROR:")


def test_a_csv_that_cannot_be_opened_is_an_error(command, tmp_path):
    (tmp_path / "out" / "astronaut.csv").mkdir(parents=True)
    run = command("FaceLandmarkImg", "-f", PORTRAIT)
    assert run.exit_code == 1
    assert run.stdout.splitlines()[-1] == "The output CSV file is not open, exiting"


@pytest.mark.parametrize("name", ["FaceLandmarkImg", "FeatureExtraction"])
def test_missing_models_are_an_error(child, tmp_path, name):
    run = child(name, "-f", PORTRAIT, OPENFACE_LITE_MODELS=str(tmp_path))
    assert run.exit_code == 1
    assert run.stdout.splitlines()[-1] == "ERROR: Could not load the landmark detector"
    assert "fetch_models" in run.stdout
    assert run.files == set()


def test_nothing_in_the_working_directory_is_run(child, tmp_path):
    for name in ("numpy.py", "openface_lite.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('hijacked')")
    assert child("FaceLandmarkImg", "-f", PORTRAIT, "-pose").exit_code == 0


@pytest.mark.skipif(not (REPOSITORY / ".venv/bin/python").exists(), reason="no .venv in the checkout")
def test_the_launcher_finds_the_checkouts_own_python(child):
    run = child("FaceLandmarkImg", "-f", PORTRAIT, "-pose", OPENFACE_LITE_PYTHON="")
    assert run.exit_code == 0, run.stderr


def test_the_launcher_uses_the_named_python(child, tmp_path):
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    run = child("FaceLandmarkImg", "-f", "a b", out=False, OPENFACE_LITE_PYTHON=str(fake))
    assert run.stdout == "-P -m openface_lite.cli FaceLandmarkImg -f a b\n"


def test_the_same_picture_gives_the_same_bytes(child):
    child("FaceLandmarkImg", "-f", PORTRAIT, "-of", "one")
    run = child("FaceLandmarkImg", "-f", PORTRAIT, "-f", PORTRAIT, "-of", "two", "-of", "three")
    one, two, three = ((run.folder / f"{stem}.csv").read_bytes() for stem in ("one", "two", "three"))
    assert one == two == three


def test_names_with_blanks_and_other_letters(child, tmp_path):
    path = tmp_path / "Bild Übung 写真.png"
    path.write_bytes(PORTRAIT.read_bytes())
    run = child("FaceLandmarkImg", "-f", path, "-pose")
    assert run.exit_code == 0, run.stderr
    assert "Bild Übung 写真.csv" in run.files
    assert sys.getfilesystemencoding() == "utf-8"
