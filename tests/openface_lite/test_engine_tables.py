"""Columns, engine.json, action unit arithmetic, and the model files: nothing here needs a picture."""

import csv
import json

import numpy as np
import pytest

from openface_lite import about, action_units, canonical_face, columns, model_facts, pose, signals
from openface_lite.fetch_models import fetch_models, missing_models
from openface_lite.model_folder import models_dir
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
            assert len(cell.partition(".")[2]) == group.decimals, group.key


def test_tables_have_711_and_714_columns():
    assert len(columns.header(columns.image_groups(EVERYTHING)).split(",")) == 711
    assert len(columns.header(columns.video_groups(EVERYTHING)).split(",")) == 714


def test_nan_and_missing_groups_are_empty_cells():
    groups = columns.video_groups(frozenset({columns.POSE}))
    line = columns.row(groups, columns.cells(groups, {"frame": [3], "pose_T": np.array([1.25, np.nan, -0.5])}))
    assert line == "3,,,,,1.2,,-0.5,,,"


def test_a_row_is_what_python_formats_number_by_number():
    groups = columns.video_groups(frozenset(columns.COLUMN_FLAGS))
    decimals = [group.decimals for group in groups for _ in group.names]
    random = np.random.default_rng(0)
    # Ends of the remembered texts, both zeros, and numbers between two tenths.
    odd = [0.0, -0.0, 0.05, -0.05, 0.049999, 0.35, 2.5, 9999.94, -9999.94, 9999.95, -9999.96, 1e18, np.nan]
    for turn in range(400):
        numbers = random.normal(0, 10 ** random.uniform(-2, 5), len(decimals))
        if turn % 3 == 0:
            numbers = np.round(20 * numbers) / 20
        if turn % 2 == 0:
            numbers[random.integers(0, len(numbers), 20)] = random.choice(odd, 20)
        texts = (f"{number:.{count}f}" for number, count in zip(numbers.tolist(), decimals, strict=True))
        expected = ",".join("" if text == "nan" else text for text in texts)
        # Once made, once remembered.
        assert columns.row(groups, numbers) == columns.row(groups, numbers) == expected


def test_engine_json_says_what_the_code_does():
    assert json.loads((BIN / "engine.json").read_text()) == about.engine()
    assert sorted(about.COMMANDS) == sorted(path.name for path in BIN.iterdir() if path.name[0].isupper())


def test_support_levels_cover_every_action_unit_column():
    assert set(action_units.SUPPORT) == {*action_units.INTENSITIES, *action_units.PRESENCES}
    measured = {name for name, level in action_units.SUPPORT.items() if level != "not_estimable"}
    assert measured == {*action_units.MEASURED, "AU45_c"}
    assert set(about.engine()["au_facts"]) == set(action_units.MEASURED)


def signals_of(frames: int, **changed: float) -> np.ndarray:
    """Resting signals for some frames, with some of them changed."""
    values = {**action_units._RESTING, **changed}
    return np.tile([values[name] for name in signals.NAMES], (frames, 1))


def intensity(values: np.ndarray, unit: str) -> np.ndarray:
    return values[..., action_units.INTENSITIES.index(unit)]


def test_a_resting_face_has_no_intensity():
    assert np.nanmax(action_units.still_intensities(signals_of(1)[0])) == 0


def test_a_clip_is_measured_against_its_own_neutral():
    measures = signals_of(40, g_mouthWidth=6.0)
    measures[20:35, signals.PLACE["g_mouthWidth"]] += 2
    final = action_units.clip_units(measures, np.arange(40) / 30, static=False)
    smile = intensity(final.intensities, "AU12_r")
    assert smile[10] == pytest.approx(0)
    assert smile[28] == pytest.approx(2 * 0.7)
    # Smoothing over three frames softens the edge.
    assert 0 < smile[20] < smile[21]
    fixed = action_units.clip_units(measures, np.arange(40) / 30, static=True)
    assert intensity(fixed.intensities, "AU12_r")[10] == pytest.approx(0.6 * 0.7)


def test_frames_without_a_face_stay_empty_and_do_not_change_the_others():
    measures = signals_of(5, jawOpen=0.5)
    measures[2] = np.nan
    final = action_units.clip_units(measures, np.arange(5) / 30, static=False)
    assert np.isnan(final.intensities[2]).all() and np.isnan(final.presences[2]).all()
    assert not np.isnan(intensity(final.intensities[[0, 1, 3, 4]], "AU26_r")).any()
    assert final.presences[[0, 1, 3, 4], -1].tolist() == [0, 0, 0, 0]
    assert np.isnan(action_units.clip_units(measures[2:3], np.zeros(1), static=False).intensities).all()


def test_intensities_are_clipped():
    measures = np.array([[9.0] * len(signals.NAMES), [-9.0] * len(signals.NAMES)])
    values = [action_units.still_intensities(each) for each in measures]
    assert {value for each in values for value in each if not np.isnan(value)} == {0.0, 5.0}


def test_a_frame_of_shut_eyes_is_no_average():
    """Two frames are a blink: a mean over three frames would take half of it away."""
    measures = signals_of(60, g_eyeClosed=-1.0, eyeBlink=0.1)
    measures[30:32, signals.PLACE["g_eyeClosed"]] = -0.2
    final = action_units.clip_units(measures, np.arange(60) / 30, static=False)
    assert intensity(final.intensities, "AU45_r")[29:33] == pytest.approx([0, 0.8 * 1.4, 0.8 * 1.4, 0])
    assert np.flatnonzero(final.presences[:, -1]).tolist() == [30, 31]


@pytest.mark.parametrize("angles", [(0.1, -0.5, 0.3), (-0.4, 0.9, -1.2), (0, 0, 3.0)])
def test_euler_angles_follow_the_convention(angles):
    rx, ry, rz = angles
    about_z = np.array([[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]])
    rotation = pose._rotation_x(rx) @ pose._rotation_y(ry) @ about_z
    assert pose.euler_angles(rotation) == pytest.approx(angles)


def test_a_known_pose_is_recovered():
    camera = pose.Camera.for_size(640, 480)
    true = pose.Pose(pose._rotation_x(0.2) @ pose._rotation_y(-0.4), np.array([60.0, -40.0, 550.0]))
    model = canonical_face.points()
    pixels = camera.project(true.place(model))
    start = pose.Pose(np.eye(3), np.array([0.0, 0.0, 600.0]))
    found = pose.refine(model, pixels, camera, start)
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
    values, presences = np.full((2, 17), np.nan), np.full((2, 18), np.nan)
    values[0, 0], presences[0, -1] = 1, 0
    recorder.rewrite_action_units(action_units.ClipUnits(values, presences))
    first, second = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert (first["frame"], first["AU01_r"], first["AU04_r"], first["AU01_c"]) == ("1", "1.00", "", "")
    assert (first["AU45_c"], second["AU45_c"]) == ("0.00", "")
    assert (second["frame"], second["AU01_r"]) == ("2", "")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a_of_details.txt"}


def test_whole_models_are_not_fetched_again():
    assert missing_models(models_dir()) == []
    assert fetch_models(models_dir()) == []


def test_damaged_models_are_seen(tmp_path):
    for file in model_facts.FILES:
        (tmp_path / file.name).write_bytes((models_dir() / file.name).read_bytes())
    (tmp_path / model_facts.LANDMARKS.name).write_bytes(b"not a model")
    (tmp_path / model_facts.SHORT_RANGE.name).unlink()
    assert sorted(missing_models(tmp_path)) == sorted([model_facts.LANDMARKS.name, model_facts.SHORT_RANGE.name])


def test_the_canonical_face_is_read_as_it_is_described():
    points = canonical_face.points()
    assert points.shape == (468, 3)
    # Symmetric; outer eye corners 87 mm apart; the chin below the nose, and the nose nearer to the camera.
    assert points[33] * (-1, 1, 1) == pytest.approx(points[263])
    assert points[263, 0] - points[33, 0] == pytest.approx(86.9, abs=0.1)
    assert points[152, 1] > points[4, 1] > points[10, 1]
    assert points[4, 2] < points[[33, 152]].min(axis=0)[2]


def test_every_model_file_has_its_facts():
    for file in model_facts.FILES:
        assert len(file.sha256) == len(file.wheel.sha256) == 64
        assert file.licence == "Apache-2.0"
        assert file.purpose and file.input and file.output
        assert {"author", "title", "year", "eprint"} <= set(file.citation.fields)
