"""One media item through an engine, once for each behaviour of engines."""

from pathlib import Path
from typing import NamedTuple

import pytest

from service.engine.output import read_table
from service.engine.run import EngineRun, run_engine
from service.engine.table import Table
from service.errors import AnalysisError, EngineCrashed, EngineTimeout, EngineUnavailable, MalformedOutput, NoOutput
from service.results.manifest import engine_facts
from service.sandbox.process import LOG_BYTES, ChildLimits
from tests.fixtures import clips
from tests.fixtures.jobs import FAKES, LIMITS, MediaItem, engine, task
from tests.unit.sandbox.test_process import wait_until_gone

FRAMES = 12


class Result(NamedTuple):
    run: EngineRun
    table: Table


def run(tmp_path: Path, behaviour: str, media: str, limits: ChildLimits = LIMITS, **more) -> Result:
    room = tmp_path / "room"
    room.mkdir()
    if media == "image":
        item = MediaItem(clips.picture(room / "media.jpg"), 1)
    else:
        item = MediaItem(clips.clip(room / "media.mp4", frames=FRAMES), FRAMES)
    wanted = more.pop("wanted", None) or task(media)
    done = run_engine(engine(behaviour), wanted, item, room, limits, **more)
    return Result(done, read_table(wanted, done, room / "table.csv"))


@pytest.mark.parametrize("behaviour", ["ok", "ok_spaced_dialect", "leaves_children", "unmeasured"])
@pytest.mark.parametrize("media", ["image", "video"])
def test_a_good_run_gives_a_table_of_every_frame(tmp_path, behaviour, media):
    result = run(tmp_path, behaviour, media)
    frames = FRAMES if media == "video" else None
    assert result.table.rows == (frames or 1)
    assert (result.table.faces, result.table.frames_success) == (1, frames)
    assert result.table.path == tmp_path / "room" / "table.csv"
    assert b" " not in result.table.path.read_bytes()
    assert result.run.finished.returncode == 0
    assert result.table.measures.not_measured == (("AU04_r",) if behaviour == "unmeasured" else ())
    if behaviour == "leaves_children":
        wait_until_gone(int((tmp_path / "room" / "engine" / "out" / "child.pid").read_text()))


def test_folders_of_this_machine_are_masked(tmp_path):
    result = run(tmp_path, "ok", "image")
    assert result.run.command == "FaceLandmarkImg"
    assert result.run.argv[:7] == (
        "$OPENFACE_BIN_DIR/FaceLandmarkImg",
        "-f",
        "$WORKSPACE/media.jpg",
        "-out_dir",
        "$WORKSPACE/engine/out",
        "-of",
        "media.csv",
    )
    log = result.run.log.read_text()
    assert "$OPENFACE_BIN_DIR/model" in log
    assert str(FAKES) not in log


def test_three_faces_or_the_biggest(tmp_path):
    assert run(tmp_path, "many_faces", "image").table.faces == 3
    (tmp_path / "one").mkdir()
    one = run(tmp_path / "one", "many_faces", "image", wanted=task("image", faces="one"))
    assert one.table.rows == 1
    assert one.table.path.read_text().splitlines()[1].startswith("2,")


@pytest.mark.parametrize("media", ["image", "video"])
@pytest.mark.parametrize("behaviour", ["no_face", "header_only"])
def test_no_face_is_a_result(tmp_path, behaviour, media):
    table = run(tmp_path, behaviour, media).table
    assert table.faces == 0
    assert table.rows == (FRAMES if (behaviour, media) == ("no_face", "video") else 0)


def test_values_that_are_none_are_published_and_not_counted(tmp_path):
    table = run(tmp_path, "nan_inf", "video").table
    assert b",nan,-nan(ind),inf," in table.path.read_bytes()
    assert table.measures.head_pose_deg == {}


def test_fewer_rows_than_frames_is_left_to_completeness(tmp_path):
    assert run(tmp_path, "short", "video").table.frames_written == FRAMES // 2


@pytest.mark.parametrize(
    ("behaviour", "media", "kind", "told"),
    [
        ("silent_success", "image", NoOutput, "Starting tracking"),
        ("silent_success", "video", NoOutput, "Starting tracking"),
        ("crash", "video", EngineCrashed, r"exit code 3\nsomething went wrong in \$WORKSPACE/media.mp4"),
        ("killed", "image", EngineCrashed, "SIGKILL.*memory"),
        ("killed", "video", EngineCrashed, "SIGKILL.*memory"),
        ("half_csv", "image", MalformedOutput, "torn"),
        ("half_csv", "video", MalformedOutput, "torn"),
        ("other_columns", "image", MalformedOutput, "35 missing .AU01_r"),
        ("legacy_431", "video", MalformedOutput, "older than OpenFace"),
        ("missing_model", "video", EngineUnavailable, "models are missing"),
    ],
)
def test_a_bad_run_has_its_error(tmp_path, behaviour, media, kind, told):
    with pytest.raises(AnalysisError, match=told) as caught:
        run(tmp_path, behaviour, media)
    assert type(caught.value) is kind
    assert str(tmp_path) not in caught.value.message
    assert (tmp_path / "room" / "openface.log").exists()


@pytest.mark.parametrize("behaviour", ["hang", "ignores_sigterm"])
def test_an_engine_over_its_time_is_stopped(tmp_path, behaviour):
    with pytest.raises(EngineTimeout):
        run(tmp_path, behaviour, "image", ChildLimits(0.5, 4 << 30, 1 << 30))


def test_a_flood_does_not_fill_the_disk(tmp_path):
    result = run(tmp_path, "stdout_flood", "image")
    assert result.table.rows == 1
    assert result.run.finished.stdout.stat().st_size < 4 * LOG_BYTES
    assert result.run.log.stat().st_size < 3 * LOG_BYTES


def test_progress_grows_with_the_rows(tmp_path):
    seen: list[float] = []
    run(tmp_path, "slow", "video", watch=seen.append)
    assert seen == sorted(seen)
    assert len(set(seen)) > 4
    assert 0.5 < max(seen) <= 1


def test_watching_can_stop_it(tmp_path):
    def stop(fraction: float) -> None:
        if fraction > 0.2:
            raise KeyError("cancelled")

    with pytest.raises(KeyError):
        run(tmp_path, "slow", "video", watch=stop)


def test_the_engine_in_the_manifest(tmp_path):
    facts = engine_facts(engine("ok"), run(tmp_path, "ok", "image").run)
    assert facts.models.keys() == {"FaceLandmarkImg", "FeatureExtraction", "FaceLandmarkVidMulti"}
    assert (facts.command, facts.exit_code) == ("FaceLandmarkImg", 0)
    assert engine_facts(engine("ok")).argv is None
