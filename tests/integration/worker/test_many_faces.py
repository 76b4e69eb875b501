"""A meeting of nine, and aligned crops: by the embedded engine, and in tiles by one that follows four faces."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from service import wiring
from service.jobs.media_files import find_media
from service.settings import REPOSITORY, Settings
from service.worker.local_run import Done, LocalRun
from tests.conftest import ASTRONAUT
from tests.openface_lite.engine_runs import CELL, FRAMES, meeting_of_nine, side_by_side, write_video

COMMAND = """#!{python}
import sys
sys.path.insert(0, {repository!r})
from openface_lite.cli import main
sys.exit(main([{name!r}, *sys.argv[1:]]))
"""
ENGINES = ("embedded", "of four")

Row = dict[str, str]
Analyse = Callable[..., Done]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    portrait = np.asarray(cv2.imread(str(ASTRONAUT)))
    write_video(folder / "meeting.mp4", meeting_of_nine(portrait))
    cv2.imwrite(str(folder / "two.png"), side_by_side(portrait))
    return folder


@pytest.fixture(scope="module")
def analyse(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Analyse:
    four = tmp_path_factory.mktemp("engine of four")
    for name in ("FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti"):
        # Without an engine.json it counts as OpenFace, and without -faces_at_most it follows four.
        (four / name).write_text(COMMAND.format(python=sys.executable, repository=str(REPOSITORY), name=name))
        (four / name).chmod(0o755)
    folders = dict(zip(ENGINES, (REPOSITORY / "openface_lite" / "bin", four), strict=True))
    known: dict[str, Done] = {}

    def analysed(engine: str, name: str, **options: str) -> Done:
        key = json.dumps([engine, name, options])
        if key not in known:
            room = tmp_path_factory.mktemp("run")
            settings = Settings.load({"OPENFACE_BIN_DIR": str(folders[engine]), "WORKSPACE": str(room / "work")})
            with wiring.local_pipeline(settings, media, room / "out") as pipeline:
                [known[key]] = LocalRun(pipeline, room / "out", "posed", options).analyse(
                    find_media([media / name]).files, lambda file, stage, progress: None
                )
            assert known[key].csv, known[key].error
        return known[key]

    return analysed


def rows_of(done: Done) -> list[Row]:
    assert done.csv
    with done.csv.open(newline="") as file:
        return list(csv.DictReader(file))


def manifest_of(done: Done) -> dict[str, Any]:
    assert done.manifest
    return done.manifest


def crops_of(done: Done) -> tuple[list[Row], dict[str, np.ndarray]]:
    """The index of the crops, and the crops."""
    assert done.csv
    [path] = done.csv.parent.rglob("aligned.zip")
    with zipfile.ZipFile(path) as archive:
        index = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode())))
        names = [name for name in archive.namelist() if name != "index.csv"]
        crops = {name: np.asarray(cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), 1)) for name in names}
    assert [row["file"] for row in index] == names
    return index, crops


def nose(row: Row) -> np.ndarray:
    return np.array([float(row["x_30"]), float(row["y_30"])])


@pytest.mark.parametrize("engine", ENGINES)
def test_nine_people_have_a_number_each(analyse: Analyse, engine: str) -> None:
    done = analyse(engine, "meeting.mp4", faces="many", faces_at_most="9", aligned="1")
    rows = rows_of(done)
    cells = {(row["frame"], row["face_id"]): tuple(nose(row) // CELL) for row in rows}
    assert len(rows) == len(cells) == 9 * FRAMES
    for frame in range(1, FRAMES + 1):
        assert len({cell for (number, _), cell in cells.items() if number == str(frame)}) == 9
    assert len({(face, cell) for (_, face), cell in cells.items()}) == 9
    assert [row["timestamp"] for row in rows[::9]] == ["0.000", "0.040", "0.080", "0.120", "0.160"]
    assert manifest_of(done)["faces_limit"] == {"at_most": 9, "at_once": 9, "reached": True}
    assert manifest_of(done)["completeness"]["verdict"] == "complete"


def test_tiles_give_what_one_look_at_the_whole_gives(analyse: Analyse) -> None:
    options = {"faces": "many", "faces_at_most": "9", "aligned": "1"}
    whole, tiled = (analyse(engine, "meeting.mp4", **options) for engine in ENGINES)
    steps = manifest_of(tiled)["media"]["preparation"]
    assert steps == ["split into 3 \N{MULTIPLICATION SIGN} 3 tiles, each measured by a run of the engine"]
    assert not manifest_of(whole)["media"]["preparation"]
    others = rows_of(tiled)
    for row in rows_of(whole):
        [same] = [each for each in others if each["frame"] == row["frame"] and np.abs(nose(each) - nose(row)).max() < 5]
        apart = [abs(float(row[f"{axis}_{i}"]) - float(same[f"{axis}_{i}"])) for axis in "xy" for i in range(68)]
        assert np.mean(apart) < 0.6
        # The tile's camera is the whole's: a face near the edge is turned as seen from the middle of the whole.
        for name in ("pose_Rx", "pose_Ry", "pose_Rz"):
            assert float(row[name]) == pytest.approx(float(same[name]), abs=0.04)
        assert float(row["pose_Tx"]) == pytest.approx(float(same["pose_Tx"]), abs=40)
    assert {int(row["face_id"]) for row in others} == set(range(0, 36, 4))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_usual_limit_is_reached_and_said(analyse: Analyse, engine: str) -> None:
    done = analyse(engine, "meeting.mp4", faces="many")
    assert manifest_of(done)["faces_limit"] == {"at_most": 4, "at_once": 4, "reached": True}
    assert "faces_at_most" not in manifest_of(done)["job"]["options"]
    assert max(int(row["face_id"]) for row in rows_of(done)) < 4


@pytest.mark.parametrize("engine", ENGINES)
def test_each_row_has_its_crop(analyse: Analyse, engine: str) -> None:
    done = analyse(engine, "meeting.mp4", faces="many", faces_at_most="9", aligned="1")
    index, crops = crops_of(done)
    rows = rows_of(done)
    assert [(each["frame"], each["face_id"]) for each in index] == [(row["frame"], row["face_id"]) for row in rows]
    assert manifest_of(done)["aligned"] == {"name": "aligned.zip", "crops": 45, "of": 45, "reason": None}
    # The same person everywhere: level, at one size, so nearly the same pixels.
    first, *others = crops.values()
    assert first.shape == (112, 112, 3)
    for other in others:
        seen = (first > 0) & (other > 0)
        assert np.abs(first.astype(int) - other.astype(int))[seen].mean() < 12


def test_a_picture_has_crops_of_the_faces_in_its_table(analyse: Analyse) -> None:
    for faces, count in (("one", 1), ("many", 2)):
        done = analyse("embedded", "two.png", faces=faces, aligned="1")
        index, crops = crops_of(done)
        assert [each["face"] for each in index] == [row["face"] for row in rows_of(done)]
        assert len(crops) == count


def test_without_the_option_no_crop_is_kept(analyse: Analyse) -> None:
    done = analyse("embedded", "meeting.mp4", faces="many")
    assert done.csv and not list(done.csv.parent.rglob("aligned.zip"))
    assert manifest_of(done)["aligned"] is None
