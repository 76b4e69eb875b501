"""Columns, engine.json, action unit arithmetic, and the model files: nothing here needs a picture."""

import csv
import json

import numpy as np
import pytest

from openface_lite import about, action_units, columns, models, pose
from openface_lite.fetch_models import fetch_models, missing_models
from openface_lite.recorder import Job, Recorder
from tests.openface_lite.engine_runs import BIN, SHARED

EVERYTHING = frozenset(columns.COLUMN_FLAGS)


@pytest.mark.parametrize(
    ("sample", "groups"),
    [
        ("facelandmarkimg_single_face.csv", columns.image_groups(EVERYTHING)),
        ("featureextraction_header_3rows.csv", columns.video_groups(EVERYTHING)),
        ("featureextraction_no_space_dialect.csv", columns.video_groups(EVERYTHING)),
    ],
)
def test_columns_and_decimals_are_those_of_real_output(sample, groups):
    path = SHARED / "facts" / "openface-samples" / sample
    if not path.exists():
        pytest.skip("no real OpenFace output here")
    with path.open(newline="") as stream:
        names, cells, *_ = csv.reader(stream, skipinitialspace=True)
    assert columns.header(groups).split(",") == names
    for group in groups:
        start = names.index(group.names[0])
        for cell in cells[start : start + len(group.names)]:
            # Our presence cells are empty, so their decimals do not matter.
            assert group.key == "au_c" or len(cell.partition(".")[2]) == group.decimals, group.key


def test_column_counts():
    assert len(columns.header(columns.image_groups(EVERYTHING)).split(",")) == 711
    assert len(columns.header(columns.video_groups(EVERYTHING)).split(",")) == 714


def test_nan_and_missing_groups_are_empty_cells():
    groups = columns.video_groups(frozenset({columns.POSE}))
    line = columns.row(groups, columns.cells(groups, {"frame": [3], "pose_T": np.array([1.25, np.nan, -0.5])}))
    assert line == "3,,,,,1.2,,-0.5,,,"


def test_engine_json_says_what_the_code_does():
    assert json.loads((BIN / "engine.json").read_text()) == about.engine()
    assert sorted(about.COMMANDS) == sorted(path.name for path in BIN.iterdir() if path.name[0].isupper())


def test_support_levels_cover_every_action_unit_column():
    assert set(action_units.SUPPORT) == {*action_units.INTENSITIES, *action_units.PRESENCES}
    assert {name for name, level in action_units.SUPPORT.items() if level != "not_estimable"} == set(
        action_units.MEASURED
    )


def test_the_mean_face_is_neutral():
    assert (action_units.intensities(action_units.fixed_neutral(), action_units.fixed_neutral()) == 0).all()


def test_a_clip_is_measured_against_its_own_neutral():
    measures = np.full((40, 6), 0.3)
    measures[20:35, 2] += 0.2
    values = action_units.clip_intensities(measures, static=False)
    assert values[10] == pytest.approx(np.zeros(6))
    assert values[28, 2] == pytest.approx(2.6)
    # Smoothing over three frames softens the edge.
    assert 0 < values[20, 2] < values[21, 2]


def test_frames_without_a_face_stay_empty_and_spoil_nobody():
    measures = np.full((5, 6), 0.3)
    measures[2] = np.nan
    values = action_units.clip_intensities(measures, static=False)
    assert np.isnan(values[2]).all()
    assert not np.isnan(values[[0, 1, 3, 4]]).any()
    assert np.isnan(action_units.clip_intensities(measures[2:3], static=False)).all()


def test_intensities_are_clipped():
    wild = np.array([[9.0] * 6, [-9.0] * 6])
    assert set(action_units.intensities(wild, np.zeros(6)).ravel()) == {0.0, 5.0}


@pytest.mark.parametrize("angles", [(0.1, -0.5, 0.3), (-0.4, 0.9, -1.2), (0, 0, 3.0)])
def test_euler_angles_follow_the_convention(angles):
    rx, ry, rz = angles
    about_z = np.array([[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]])
    rotation = pose._rotation_x(rx) @ pose._rotation_y(ry) @ about_z
    assert pose.euler_angles(rotation) == pytest.approx(angles)


def test_a_known_pose_is_recovered():
    camera = pose.Camera.for_size(640, 480)
    true = pose.Pose(pose._rotation_x(0.2) @ pose._rotation_y(-0.4), np.array([60.0, -40.0, 550.0]))
    pixels = camera.project(true.place(pose._mean_face()[1]))
    start = pose.Pose(np.eye(3), np.array([0.0, 0.0, 600.0]))
    found = pose.refine(pixels, camera, start)
    assert found.angles == pytest.approx(true.angles, abs=1e-3)
    assert found.translation == pytest.approx(true.translation, abs=0.5)


def test_rows_are_on_disk_at_once_and_the_rewrite_is_complete(tmp_path):
    groups = columns.video_groups(frozenset({columns.AUS}))
    camera = pose.Camera.for_size(640, 480)
    job = Job(tmp_path, "a", "a.mp4", camera, groups, frozenset({columns.AUS}))
    with Recorder(job) as recorder:
        recorder.write({"frame": [1]})
        assert len((tmp_path / "a.csv").read_text().splitlines()) == 2
        recorder.write({"frame": [2]})
    recorder.rewrite_action_units(np.array([[1.0] * 6, [np.nan] * 6]))
    first, second = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert (first["frame"], first["AU01_r"], first["AU04_r"], first["AU01_c"]) == ("1", "1.00", "", "")
    assert (second["frame"], second["AU01_r"]) == ("2", "")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a_of_details.txt"}


def test_whole_models_are_not_fetched_again():
    assert missing_models(models.models_dir()) == []
    assert fetch_models(models.models_dir()) == []


def test_damaged_models_are_seen(tmp_path):
    for name in models.MODEL_HASHES:
        (tmp_path / name).write_bytes((models.models_dir() / name).read_bytes())
    (tmp_path / models.IRIS).write_bytes(b"not a model")
    (tmp_path / models.FACE_MESH).unlink()
    assert sorted(missing_models(tmp_path)) == sorted([models.IRIS, models.FACE_MESH])
