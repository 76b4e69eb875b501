"""OpenFace's own console output and formats, replayed: pictures, batches, videos and several faces."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from service.engine.batch import Batch, Unfinished
from service.engine.command import EngineTask
from service.engine.output import read_table
from service.engine.run import EngineRun, run_engine
from service.engine.table import Table
from service.errors import UnreadableMedia
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, SAMPLES, MediaItem, engine, task

FRAMES = 6


def measured(room: Path, wanted: EngineTask, name: str) -> tuple[EngineRun, Table]:
    room.mkdir(exist_ok=True)
    make = clips.picture if wanted.media == "image" else lambda path: clips.clip(path, frames=FRAMES)
    run = run_engine(engine("recorded"), wanted, MediaItem(make(room / name), None), room, LIMITS)
    return run, read_table(wanted, run, room / "table.csv")


@pytest.mark.parametrize(("name", "faces"), [("face.jpg", 1), ("two.jpg", 2), ("noface.jpg", 0)])
def test_pictures(tmp_path: Path, name: str, faces: int) -> None:
    run, table = measured(tmp_path / "room", task("image"), name)
    assert (table.rows, table.faces, table.columns) == (faces, faces, 711)
    assert run.log_head.startswith("Could not find the HAAR face detector location\nLoading the model\n")
    assert "$OPENFACE_BIN_DIR/model/cen_general.txt" in run.log_head
    assert "persistence.cpp" in run.log.read_text()


@pytest.mark.parametrize(
    ("wanted", "name", "rows", "faces"),
    [
        (task("video"), "face.mp4", FRAMES, 1),
        (task("video"), "noface.mp4", FRAMES, 0),
        (task("video", faces="many"), "two.mp4", 2 * FRAMES, 2),
    ],
)
def test_videos(tmp_path: Path, wanted: EngineTask, name: str, rows: int, faces: int) -> None:
    run, table = measured(tmp_path / "room", wanted, name)
    assert (table.rows, table.faces, table.columns) == (rows, faces, 714)
    assert "100% \nClosing output recorder" in run.log.read_text()


def test_a_batch_up_to_the_unreadable_picture(tmp_path: Path) -> None:
    pictures = [
        clips.picture(tmp_path / f"{number}-{kind}.jpg") for number, kind in enumerate(("face", "noface", "two"))
    ]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    room = tmp_path / "room"
    room.mkdir()
    done: dict[int, EngineRun] = {}
    batch = Batch(engine("recorded"), task("image"), [*pictures, bad, pictures[0]], room, LIMITS)
    left = batch.run(lambda number, run: done.update({number: run}), lambda: None)
    assert left == Unfinished(3, range(4, 5))
    tables = [read_table(task("image"), done[number], tmp_path / f"{number}.csv") for number in sorted(done)]
    assert [table.faces for table in tables] == [1, 0, 2]


def test_noise_of_every_good_run_is_not_quoted_in_errors(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    bad = room / "bad.jpg"
    bad.write_bytes(b"no picture")
    run = run_engine(engine("recorded"), task("image"), MediaItem(bad, 1), room, LIMITS)
    with pytest.raises(UnreadableMedia) as caught:
        read_table(task("image"), run, room / "table.csv")
    assert "Could not open the image: $WORKSPACE/bad.jpg" in caught.value.message
    for noise in ("HAAR", "persistence.cpp", "libdc1394"):
        assert noise not in caught.value.message


@pytest.mark.parametrize(
    ("wanted", "name", "sample", "details"),
    [
        (task("image"), "face.jpg", "facelandmarkimg_single_face.csv", "of_details_image.txt"),
        (task("video"), "face.mp4", "featureextraction_no_space_dialect.csv", "of_details_video.txt"),
    ],
)
def test_the_replay_has_the_formats_of_openfaces_own_files(
    tmp_path: Path, wanted: EngineTask, name: str, sample: str, details: str
) -> None:
    if not (SAMPLES / sample).exists():
        pytest.skip("OpenFace's own tables are not beside this checkout")
    run, _ = measured(tmp_path / "room", wanted, name)
    assert _formats(run.out_dir / "media.csv") == _formats(SAMPLES / sample)
    assert _keys(run.out_dir / "media_of_details.txt") == _keys(SAMPLES / details)


def _formats(table: Path) -> list[tuple[str, int]]:
    """Each column with its number of decimals."""
    header, row, *_ = csv.reader(table.read_text().splitlines())
    return [(name, len(cell.partition(".")[2])) for name, cell in zip(header, row, strict=True)]


def _keys(details: Path) -> list[str]:
    """Return the keys in order, without those of outputs that the service never asks for."""
    keys = [line.partition(":")[0] for line in details.read_text().splitlines() if line]
    return [key for key in keys if key == "Output csv" or not key.startswith("Output ")]
