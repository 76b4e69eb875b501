"""Several pictures through one process: whole results as they come, and what was left undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.engine.batch import Batch, Unfinished
from service.engine.installed import Engine
from service.engine.run import EngineRun, read_table
from service.sandbox.process import ChildLimits
from service.settings import REPOSITORY
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, engine, job

LITE = REPOSITORY / "openface_lite" / "bin"


class Told:
    """What a batch told while it ran."""

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
) -> tuple[Told, Unfinished]:
    room = tmp_path / "room"
    room.mkdir()
    files = []
    for number in range(pictures):
        files.append(clips.picture(room / f"picture-{number}.jpg"))
        make(number, files[-1])
    told = Told()
    return told, Batch(used, job("image"), files, room, limits).run(told.done, told.look)


def test_every_picture_has_its_own_table(tmp_path: Path) -> None:
    told, left = run(tmp_path, engine("ok"))
    assert left == Unfinished(None, range(0))
    assert list(told.runs) == [0, 1, 2, 3]
    assert {done.pictures for done in told.runs.values()} == {4}
    for number, done in told.runs.items():
        assert done.stem == f"item-{number:03d}"
        table = read_table(job("image"), done, tmp_path / f"{number}.csv")
        assert (table.rows, table.columns) == (1, 711)
    assert str(tmp_path) not in " ".join(told.runs[0].argv)
    assert told.runs[0].argv.count("-f") == told.runs[0].argv.count("-of") == 4


def test_the_numbers_are_those_of_a_run_alone(tmp_path: Path) -> None:
    portrait = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"

    def make(number: int, path: Path) -> None:
        if number == 1:
            shutil.copy(portrait, path)

    told, left = run(tmp_path, Engine.find(LITE), pictures=3, make=make)
    assert left.culprit is None
    faces = [read_table(job("image"), done, tmp_path / f"{n}.csv").faces for n, done in told.runs.items()]
    assert faces == [0, 1, 0]
    alone = tmp_path / "alone"
    alone.mkdir()
    only = Told()
    Batch(Engine.find(LITE), job("image"), [portrait], alone, LIMITS).run(only.done, only.look)
    tables = [read_table(job("image"), done, tmp_path / "t.csv").sha256 for done in (told.runs[1], only.runs[0])]
    assert tables[0] == tables[1]


def test_no_face_is_believed_of_each_by_its_details_file(tmp_path: Path) -> None:
    told, left = run(tmp_path, engine("no_face"))
    assert left.culprit is None
    assert [read_table(job("image"), done, tmp_path / "t.csv").rows for done in told.runs.values()] == [0] * 4


def test_one_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    """As the real command does. What another one followed is whole; the last before it may be torn, and is not told."""

    def make(number: int, path: Path) -> None:
        if number == 2:
            path.write_bytes(b"no picture")

    told, left = run(tmp_path, Engine.find(LITE), pictures=5, make=make)
    assert (list(told.runs), left) == ([0], Unfinished(1, range(2, 5)))


@pytest.mark.parametrize("behaviour", ["crash", "missing_model", "silent_success", "killed"])
def test_one_that_leaves_nothing_to_believe(tmp_path: Path, behaviour: str) -> None:
    told, left = run(tmp_path, engine(behaviour), pictures=2)
    # One that is killed at its end has done all but the last, whose details file nothing follows.
    done = 1 if behaviour == "killed" else 0
    assert (len(told.runs), left.culprit) == (done, done)


def test_one_that_hangs_has_the_time_of_one_picture(tmp_path: Path) -> None:
    limits = ChildLimits(0.7, LIMITS.memory_bytes, LIMITS.file_bytes)
    told, left = run(tmp_path, engine("hang"), pictures=20, limits=limits)
    assert (told.runs, left) == ({}, Unfinished(0, range(1, 20)))
    assert told.looks < 100


def test_whoever_watches_can_stop_it(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    room = tmp_path / "room"
    room.mkdir()
    picture = clips.picture(tmp_path / "picture.jpg")
    with pytest.raises(Enough):
        Batch(engine("hang"), job("image"), [picture] * 2, room, LIMITS).run(lambda number, run: None, stop)
