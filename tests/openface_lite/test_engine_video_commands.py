"""FeatureExtraction and FaceLandmarkVidMulti as child processes, on clips made from one portrait."""

import struct

import cv2
import numpy as np
import pytest

from tests.openface_lite.engine_runs import PORTRAIT, SHARED, side_by_side, write_video

IDENTITY = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
# The display matrix of a phone held upright: turn the stored picture clockwise by a quarter.
CLOCKWISE = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
HEAD = ("frame", "face_id", "timestamp", "confidence", "success")


def test_every_frame_gives_a_row(child, face_clip):
    run = child("FeatureExtraction", "-f", face_clip)
    assert run.exit_code == 0
    assert run.files == {"face clip.v1.csv", "face clip.v1_of_details.txt"}
    rows = run.table("face clip.v1")
    assert len(rows[0]) == 714
    assert [row["frame"] for row in rows] == [str(i) for i in range(1, 15)]
    assert [row["success"] for row in rows] == ["1"] * 5 + ["0"] * 4 + ["1"] * 5
    assert [row["timestamp"] for row in rows[:3]] == ["0.000", "0.040", "0.080"]
    assert {row["face_id"] for row in rows} == {"0"}


def test_a_row_without_a_face_measures_nothing(command, face_clip):
    rows = command("FeatureExtraction", "-f", face_clip).table("face clip.v1")
    lost = rows[6]
    assert lost["confidence"] == "0.00"
    assert {value for name, value in lost.items() if name not in HEAD} == {""}


def test_the_face_is_found_again_where_it_went(command, face_clip):
    rows = command("FeatureExtraction", "-f", face_clip).table("face clip.v1")
    assert float(rows[-1]["x_30"]) - float(rows[0]["x_30"]) == pytest.approx(20, abs=1.5)
    assert float(rows[-1]["pose_Tx"]) > float(rows[0]["pose_Tx"])


def test_only_measured_action_units_have_values(command, face_clip):
    rows = command("FeatureExtraction", "-f", face_clip, "-aus").table("face clip.v1")
    filled = {name for row in rows for name, value in row.items() if value} - set(HEAD)
    intensities = {f"AU{unit:02}_r" for unit in (1, 2, 5, 6, 7, 10, 12, 25, 26, 45)}
    assert filled == intensities | {"AU45_c"}
    assert all(0 <= float(row["AU12_r"]) <= 5 for row in rows if row["success"] == "1")


def test_words_in_the_real_order(command, face_clip):
    words = command("FeatureExtraction", "-f", face_clip).stdout.splitlines()
    wanted = [
        f"Attempting to read from file: {face_clip}",
        "Device or file opened",
        "Starting tracking",
        "0% 10% 20% 30% 40% 50% 60% 70% 80% 90% 100% ",
        "Closing output recorder",
        "Closing input reader",
        "Closed successfully",
        "Postprocessing the Action Unit predictions",
    ]
    assert words[-len(wanted) :] == wanted


def test_without_action_units_nothing_is_post_processed(command, face_clip):
    assert "Postprocessing" not in command("FeatureExtraction", "-f", face_clip, "-pose").stdout


def test_static_action_units_use_the_fixed_neutral(command, face_clip):
    dynamic = command("FeatureExtraction", "-f", face_clip, "-of", "a").table("a")
    static = command("FeatureExtraction", "-f", face_clip, "-of", "b", "-au_static").table("b")
    # The portrait smiles throughout: against its own neutral that is no change.
    assert float(dynamic[2]["AU12_r"]) < 0.5 < float(static[2]["AU12_r"])


def test_a_missing_video_ends_the_run_with_success(command, tmp_path, face_clip):
    run = command("FeatureExtraction", "-f", tmp_path / "no.mp4", "-f", face_clip)
    assert run.exit_code == 0
    assert f"Failed to open the video file at location: {tmp_path / 'no.mp4'}" in run.stdout
    assert run.files == set()


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00\x00\x00\x18ftypmp42"])
def test_an_unreadable_video_counts_as_missing(command, tmp_path, content):
    (tmp_path / "bad.mp4").write_bytes(content)
    run = command("FeatureExtraction", "-f", tmp_path / "bad.mp4")
    assert run.exit_code == 0
    assert "Failed to open the video file" in run.stdout
    assert run.files == set()


def test_a_name_that_looks_like_an_address_is_a_file_name(command):
    run = command("FeatureExtraction", "-f", "http://127.0.0.1:9/clip.mp4")
    assert run.exit_code == 0
    assert "Failed to open the video file" in run.stdout


def test_without_f_nothing_is_written(command, face_clip):
    run = command("FeatureExtraction", face_clip)
    assert run.exit_code == 0
    assert run.files == set()


def test_without_arguments_it_points_to_the_documentation(command):
    run = command("FeatureExtraction", out=False)
    assert run.exit_code == 0
    assert len(run.stdout.splitlines()) == 2


def test_several_videos_in_one_run(command, face_clip):
    run = command("FeatureExtraction", "-f", face_clip, "-of", "a.csv", "-f", face_clip, "-of", "b.csv")
    assert (run.folder / "a.csv").read_bytes() == (run.folder / "b.csv").read_bytes()
    assert run.stdout.count("Closed successfully") == 2


def test_a_cut_off_video_gives_the_rows_it_can(command, portrait, tmp_path):
    whole = tmp_path / "whole.mkv"
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 40, (320, 320, 3), dtype=np.uint8) for _ in range(20)]
    write_video(whole, [np.maximum(portrait[0:320, 60:380], grain) for grain in noise])
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    run = command("FeatureExtraction", "-f", tmp_path / "cut.mkv")
    assert run.exit_code == 0
    assert 0 < len(run.table("cut")) < 20


def test_a_turned_video_is_analysed_upright(command, portrait, tmp_path):
    upright = portrait[0:320, 100:340]
    stored = np.ascontiguousarray(np.rot90(upright))
    path = tmp_path / "phone.mp4"
    write_video(path, [stored] * 3)
    content = path.read_bytes()
    place = content.index(IDENTITY, content.index(b"tkhd"))
    path.write_bytes(content[:place] + CLOCKWISE + content[place + len(CLOCKWISE) :])
    run = command("FeatureExtraction", "-f", path)
    assert run.details("phone")[2].endswith(",120,160")
    (row, *_) = run.table("phone")
    assert abs(float(row["pose_Rz"])) < 0.2
    assert float(row["y_8"]) > float(row["y_27"])


def test_a_folder_of_pictures_is_one_sequence(command, portrait, tmp_path):
    folder = tmp_path / "frames.d"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), portrait[0:320, 60:380])
    run = command("FeatureExtraction", "-fdir", folder)
    rows = run.table("frames.d")
    assert [row["timestamp"] for row in rows] == ["0.000"] * 3
    assert [row["success"] for row in rows] == ["1"] * 3


@pytest.mark.parametrize("name", ["no", "."])
def test_a_folder_without_pictures_is_no_error(command, tmp_path, name):
    run = command("FeatureExtraction", "-fdir", tmp_path / name)
    assert run.exit_code == 0
    assert run.files == set()


def test_a_video_without_any_face(command, tmp_path):
    write_video(tmp_path / "grey.mp4", [np.full((240, 320, 3), 100, dtype=np.uint8)] * 4)
    run = command("FeatureExtraction", "-f", tmp_path / "grey.mp4", "-wild")
    assert run.exit_code == 0
    assert [row["success"] for row in run.table("grey")] == ["0"] * 4
    assert "Output csv:grey.csv" in run.details("grey")


def test_a_photo_is_a_video_of_one_frame(command):
    rows = command("FeatureExtraction", "-f", PORTRAIT).table("astronaut")
    assert [row["success"] for row in rows] == ["1"]


def test_several_faces_keep_their_slots(child, portrait, tmp_path):
    both = cv2.resize(side_by_side(portrait), (450, 256), interpolation=cv2.INTER_AREA)
    empty = np.full_like(both, 90)
    write_video(tmp_path / "two.mp4", [both] * 4 + [empty] * 2 + [both] * 3)
    run = child("FaceLandmarkVidMulti", "-f", tmp_path / "two.mp4")
    assert run.exit_code == 0
    rows = run.table("two")
    assert [(row["frame"], row["face_id"]) for row in rows] == [
        (str(frame), str(slot)) for frame in (1, 2, 3, 4, 7, 8, 9) for slot in (0, 1)
    ]
    assert len({row["x_30"] > "100" for row in rows if row["face_id"] == "0"}) == 1
    assert "Postprocessing" not in run.stdout


@pytest.mark.skipif(not (SHARED / "media" / "smile_2s.mp4").exists(), reason="no clip of a smile here")
def test_a_smile_raises_the_lip_corners(command):
    rows = command("FeatureExtraction", "-f", SHARED / "media" / "smile_2s.mp4", "-aus").table("smile_2s")
    smile = [float(row["AU12_r"]) for row in rows]
    parted = [float(row["AU25_r"]) for row in rows]
    assert len(rows) == 72
    assert max(smile[:8]) < 0.5
    assert min(smile[30:50]) > 2
    assert max(parted[:8]) < 0.5 < min(parted[30:50])


@pytest.mark.skipif(not (SHARED / "media" / "expressive_4s.mp4").exists(), reason="no expressive clip here")
def test_a_moving_face_is_never_lost(command):
    clip = SHARED / "media" / "expressive_4s.mp4"
    rows = command("FeatureExtraction", "-f", clip, "-pose", "-2Dfp").table("expressive_4s")
    assert [row["success"] for row in rows] == ["1"] * 96
    steps = np.abs(np.diff([float(row["pose_Ry"]) for row in rows]))
    assert steps.max() < 0.15
