"""OpenFace's own console output and formats, replayed: pictures, batches, videos and several faces."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.engine.batch import Batch, Unfinished
from service.engine.command import EngineTask
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.run import EngineRun, run_engine
from service.engine.table import Table
from service.errors import AnalysisError, EngineCrashed, EngineUnavailable, MalformedOutput, UnreadableMedia
from tests.fixtures import clips
from tests.fixtures.jobs import FAKES, LIMITS, SAMPLES, MediaItem, engine, task

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


# --- OpenFace's own files, byte for byte, where they are

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no files of OpenFace here: name a folder OPENFACE_SAMPLES"
)

PICTURE, PICTURE_DETAILS = "facelandmarkimg_single_face.csv", "of_details_image.txt"
VIDEO_DETAILS = "of_details_video.txt"


def recording(folder: Path, files: Mapping[str, bytes]) -> Engine:
    """Install an engine that replays these files."""
    (folder / "recorded").mkdir(parents=True)
    for command in (FAKES / "recorded").iterdir():
        (folder / command.name).symlink_to(command)
    for name, content in files.items():
        (folder / "recorded" / name).write_bytes(content)
    return Engine.find(folder)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def replayed(tmp_path: Path, used: Engine, wanted: EngineTask, media: str) -> EngineRun:
    room = tmp_path / "room"
    room.mkdir()
    return run_engine(used, wanted, MediaItem(clips.picture(room / media), None), room, LIMITS)


@needs_samples
@pytest.mark.parametrize(
    ("wanted", "table", "details"),
    [
        (task("image"), PICTURE, PICTURE_DETAILS),
        (task("video"), "featureextraction_no_space_dialect.csv", VIDEO_DETAILS),
        (task("video"), "featureextraction_spaced_dialect_30rows.csv", VIDEO_DETAILS),
        (task("video"), "featureextraction_header_3rows.csv", VIDEO_DETAILS),
    ],
)
def test_real_files_are_replayed_byte_for_byte_and_published_value_for_value(
    tmp_path: Path, wanted: EngineTask, table: str, details: str
) -> None:
    used = recording(tmp_path / "bin", {"a.csv": sample(table), "a_of_details.txt": sample(details)})
    run = replayed(tmp_path, used, wanted, "a.jpg")
    assert (run.out_dir / f"{run.stem}.csv").read_bytes() == sample(table)
    assert (run.out_dir / f"{run.stem}_of_details.txt").read_bytes() == sample(details)
    published = read_table(wanted, run, tmp_path / "table.csv").path.read_bytes()
    assert published == sample(table).replace(b" ", b"").replace(b"\r", b"")


@needs_samples
def test_real_pictures_of_a_batch_have_their_own_files(tmp_path: Path) -> None:
    """The one without a face leaves the head of its details file alone."""
    head = b"".join(sample(PICTURE_DETAILS).splitlines(keepends=True)[:3])
    header, row = sample(PICTURE).splitlines(keepends=True)
    two = header + row + b"1" + row[1:]
    files = {"one.csv": sample(PICTURE), "two.csv": two, "none_of_details.txt": head}
    files |= {f"{name}_of_details.txt": sample(PICTURE_DETAILS) for name in ("one", "two")}
    used = recording(tmp_path / "bin", files)
    room = tmp_path / "room"
    room.mkdir()
    pictures = [clips.picture(tmp_path / f"{name}.jpg") for name in ("one", "none", "two")]
    done: dict[int, EngineRun] = {}
    left = Batch(used, task("image"), pictures, room, LIMITS).run(
        lambda number, run: done.update({number: run}), lambda: None
    )
    assert left == Unfinished(None, range(0))
    tables = [read_table(task("image"), done[number], tmp_path / f"{number}.csv") for number in range(3)]
    assert [table.faces for table in tables] == [1, 0, 2]
    assert [tables[0].path.read_bytes(), tables[2].path.read_bytes()] == [sample(PICTURE), two]


@needs_samples
@pytest.mark.parametrize(
    ("section", "kind", "says"),
    [
        ("2", EngineUnavailable, "landmark models are missing"),
        ("3", EngineUnavailable, "patch experts are missing"),
        ("4", EngineCrashed, "thread limit"),
    ],
)
def test_words_of_a_real_failed_run_become_its_error(
    tmp_path: Path, section: str, kind: type[AnalysisError], says: str
) -> None:
    """Sections of the recorded console: its own lines begin with `#`."""
    text = sample("console_excerpts.txt").decode()
    console = text.partition(f"# --- {section}. ")[2].partition("# --- ")[0]
    lines = [line for line in console.splitlines(keepends=True)[1:] if not line.startswith("#")]
    used = recording(tmp_path / "bin", {"console.txt": "".join(lines).encode(), "exit_code": b"1"})
    run = replayed(tmp_path, used, task("video"), "a.jpg")
    assert run.log.read_text().replace("\n", "") == "".join(lines).replace("\n", "")
    with pytest.raises(kind, match=says):
        read_table(task("video"), run, tmp_path / "table.csv")


@needs_samples
def test_a_real_table_of_openface_1_is_refused(tmp_path: Path) -> None:
    files = {"a.csv": sample("legacy_0x_431cols_5rows.csv"), "a_of_details.txt": sample(VIDEO_DETAILS)}
    run = replayed(tmp_path, recording(tmp_path / "bin", files), task("video"), "a.jpg")
    with pytest.raises(MalformedOutput, match=r"older than OpenFace 2\.0"):
        read_table(task("video"), run, tmp_path / "table.csv")


@needs_samples
@pytest.mark.parametrize(
    ("wanted", "name", "table", "details"),
    [
        (task("image"), "face.jpg", "facelandmarkimg_single_face.csv", "of_details_image.txt"),
        (task("video"), "face.mp4", "featureextraction_no_space_dialect.csv", "of_details_video.txt"),
    ],
)
def test_the_replay_has_the_formats_of_openfaces_own_files(
    tmp_path: Path, wanted: EngineTask, name: str, table: str, details: str
) -> None:
    run, _ = measured(tmp_path / "room", wanted, name)
    assert _formats(run.out_dir / "media.csv") == _formats(SAMPLES / table)
    assert _keys(run.out_dir / "media_of_details.txt") == _keys(SAMPLES / details)


def _formats(table: Path) -> list[tuple[str, int]]:
    """Each column with its number of decimals."""
    header, row, *_ = csv.reader(table.read_text().splitlines())
    return [(name, len(cell.partition(".")[2])) for name, cell in zip(header, row, strict=True)]


def _keys(details: Path) -> list[str]:
    """Return the keys in order, without those of outputs that the service never asks for."""
    keys = [line.partition(":")[0] for line in details.read_text().splitlines() if line]
    return [key for key in keys if key == "Output csv" or not key.startswith("Output ")]
