"""Several pictures through one process: whole results as they come, and the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.engine.batch import Batch, Unfinished
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.run import EngineRun
from service.sandbox.process import ChildLimits
from service.settings import REPOSITORY
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, engine, task

LITE = REPOSITORY / "openface_lite" / "bin"


class Report:
    """The calls of a batch while it ran."""

    def __init__(self) -> None:
        self.runs: dict[int, EngineRun] = {}
        self.looks = 0

    def done(self, number: int, run: EngineRun) -> None:
        self.runs[number] = run

    def look(self) -> None:
        self.looks += 1


def run(
    tmp_path: Path,
    used: Engine,
    pictures: int = 4,
    limits: ChildLimits = LIMITS,
    make: Callable[[int, Path], None] = lambda number, path: None,
) -> tuple[Report, Unfinished]:
    room = tmp_path / "room"
    room.mkdir()
    files = []
    for number in range(pictures):
        files.append(clips.picture(room / f"picture-{number}.jpg"))
        make(number, files[-1])
    report = Report()
    return report, Batch(used, task("image"), files, room, limits).run(report.done, report.look)


def test_every_picture_has_its_own_table(tmp_path: Path) -> None:
    report, left = run(tmp_path, engine("ok"))
    assert left == Unfinished(None, range(0))
    assert list(report.runs) == [0, 1, 2, 3]
    assert {done.pictures for done in report.runs.values()} == {4}
    for number, done in report.runs.items():
        assert done.stem == f"item-{number:03d}"
        table = read_table(task("image"), done, tmp_path / f"{number}.csv")
        assert (table.rows, table.columns) == (1, 711)
    assert str(tmp_path) not in " ".join(report.runs[0].argv)
    assert report.runs[0].argv.count("-f") == report.runs[0].argv.count("-of") == 4


def test_the_numbers_are_those_of_a_run_alone(tmp_path: Path) -> None:
    portrait = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"

    def make(number: int, path: Path) -> None:
        if number == 1:
            shutil.copy(portrait, path)

    report, left = run(tmp_path, Engine.find(LITE), pictures=3, make=make)
    assert left.culprit is None
    faces = [read_table(task("image"), done, tmp_path / f"{n}.csv").faces for n, done in report.runs.items()]
    assert faces == [0, 1, 0]
    alone = tmp_path / "alone"
    alone.mkdir()
    only = Report()
    Batch(Engine.find(LITE), task("image"), [portrait], alone, LIMITS).run(only.done, only.look)
    tables = [read_table(task("image"), done, tmp_path / "t.csv").sha256 for done in (report.runs[1], only.runs[0])]
    assert tables[0] == tables[1]


def test_no_face_is_believed_of_each_by_its_details_file(tmp_path: Path) -> None:
    report, left = run(tmp_path, engine("no_face"))
    assert left.culprit is None
    assert [read_table(task("image"), done, tmp_path / "t.csv").rows for done in report.runs.values()] == [0] * 4


@pytest.mark.parametrize("used", [Engine.find(LITE), engine("ok")], ids=["lite", "stand-in"])
def test_an_unreadable_picture_ends_the_run_and_is_named(tmp_path: Path, used: Engine) -> None:
    """As the real command does; it names the picture, so that the one before it is whole and not suspected."""

    def make(number: int, path: Path) -> None:
        if number == 2:
            path.write_bytes(b"no picture")

    report, left = run(tmp_path, used, pictures=5, make=make)
    assert (list(report.runs), left) == ([0, 1], Unfinished(2, range(3, 5)))


@pytest.mark.parametrize("behaviour", ["crash", "missing_model", "silent_success", "killed"])
def test_a_run_without_files_has_its_first_picture_as_culprit(tmp_path: Path, behaviour: str) -> None:
    report, left = run(tmp_path, engine(behaviour), pictures=2)
    # One that is killed at its end has done all but the last, whose details file nothing follows.
    done = 1 if behaviour == "killed" else 0
    assert (len(report.runs), left.culprit) == (done, done)


def test_a_hanging_run_has_the_time_of_one_picture(tmp_path: Path) -> None:
    limits = ChildLimits(0.7, LIMITS.memory_bytes, LIMITS.file_bytes)
    report, left = run(tmp_path, engine("hang"), pictures=20, limits=limits)
    assert (report.runs, left) == ({}, Unfinished(0, range(1, 20)))
    assert report.looks < 100


def test_watch_can_stop_the_run(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    room = tmp_path / "room"
    room.mkdir()
    picture = clips.picture(tmp_path / "picture.jpg")
    with pytest.raises(Enough):
        Batch(engine("hang"), task("image"), [picture] * 2, room, LIMITS).run(lambda number, run: None, stop)


def test_a_picture_over_its_own_time_ends_the_run_though_the_run_has_more(tmp_path: Path) -> None:
    report, left = run(tmp_path, engine("slow_pictures"), limits=replace(LIMITS, time_s=1.5))
    assert left == Unfinished(0, range(1, 4))
    assert report.runs == {}
