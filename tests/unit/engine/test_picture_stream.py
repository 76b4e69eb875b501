"""Pictures that come while their engine runs: the numbers of a run alone, answers at once, and the rest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from service.engine.batch import Unfinished
from service.engine.installed import Engine
from service.engine.output import read_table
from service.engine.picture_stream import PictureStream
from service.engine.run import EngineRun, run_engine
from service.sandbox.process import ChildLimits
from service.settings import REPOSITORY
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, engine, task

LITE = Engine.find(REPOSITORY / "openface_lite" / "bin")
PORTRAIT = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"


@dataclass(frozen=True)
class Media:
    """A picture as it was uploaded."""

    path: Path
    frames_expected: int | None = 1


@dataclass
class OneByOne:
    """Hands each picture over once the one before it is done."""

    pictures: Sequence[Path]
    runs: dict[int, EngineRun] = field(default_factory=dict)
    handed: int = 0

    def more(self, behind: int) -> Sequence[Path] | None:
        if behind:
            return ()
        if self.handed == len(self.pictures):
            return None
        self.handed += 1
        return [self.pictures[self.handed - 1]]

    def done(self, number: int, run: EngineRun) -> None:
        self.runs[number] = run


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    return folder


def measure(room: Path, feed: OneByOne, used: Engine = LITE, limits: ChildLimits = LIMITS) -> Unfinished:
    return PictureStream(used, task("image"), room, limits).run(feed.more, feed.done, lambda: None)


def test_a_picture_that_comes_later_has_the_numbers_of_a_run_alone(room: Path, tmp_path: Path) -> None:
    first, portrait = clips.picture(room / "item-000.jpg"), Path(shutil.copy(PORTRAIT, room / "item-001.png"))
    feed, began = OneByOne([first, portrait]), time.monotonic()
    assert measure(room, feed) == Unfinished(None, range(0))
    seconds = [run.finished.seconds for run in feed.runs.values()]
    assert min(seconds) > 0
    assert sum(seconds) <= time.monotonic() - began
    tables = [read_table(task("image"), run, tmp_path / f"{number}.csv") for number, run in feed.runs.items()]
    assert [table.faces for table in tables] == [0, 1]
    assert [run.pictures for run in feed.runs.values()] == [1, 2]
    alone = tmp_path / "alone"
    alone.mkdir()
    run = run_engine(LITE, task("image"), Media(PORTRAIT), alone, LIMITS)
    assert read_table(task("image"), run, tmp_path / "alone.csv").sha256 == tables[1].sha256


def test_an_unreadable_picture_ends_the_run_as_its_culprit(room: Path) -> None:
    bad = room / "item-001.jpg"
    bad.write_bytes(b"no picture")
    feed = OneByOne([clips.picture(room / "item-000.jpg"), bad])
    assert measure(room, feed) == Unfinished(1, range(2, 2))
    assert list(feed.runs) == [0]


def test_pictures_behind_the_culprit_are_left_to_be_run_again(room: Path) -> None:
    bad = room / "item-000.jpg"
    bad.write_bytes(b"no picture")
    at_once = iter([[bad, clips.picture(room / "item-001.jpg")]])
    stream = PictureStream(LITE, task("image"), room, LIMITS)
    assert stream.run(lambda behind: next(at_once, ()), lambda number, run: None, lambda: None) == Unfinished(
        0, range(1, 2)
    )


def test_an_engine_that_hangs_has_the_time_of_one_picture(room: Path) -> None:
    feed = OneByOne([clips.picture(room / "item-000.jpg")])
    assert measure(room, feed, engine("hang"), replace(LIMITS, time_s=0.7)) == Unfinished(0, range(1, 1))


def test_an_engine_that_does_not_end_after_the_last_picture_is_stopped(room: Path) -> None:
    assert measure(room, OneByOne([]), engine("hang"), replace(LIMITS, time_s=0.7)) == Unfinished(None, range(0))


def test_a_picture_that_is_answered_without_files_is_the_culprit(room: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    lies = "#!/bin/sh\nread path; echo >&0; read path; echo >&0\n"
    (folder / "FaceLandmarkImg").write_text(lies)
    (folder / "FaceLandmarkImg").chmod(0o755)
    feed = OneByOne([clips.picture(room / "item-000.jpg")])
    assert measure(room, feed, Engine.find(folder)) == Unfinished(0, range(1, 1))
    assert feed.runs == {}
