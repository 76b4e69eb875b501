"""An engine that takes pictures while it runs: one process for those that come, and an answer for each of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from service.engine.installed import Engine
from service.engine.run import EngineRun
from service.errors import BadRequest, Cancelled, EngineUnavailable
from service.sandbox.workspace import Workspace
from service.settings import REPOSITORY
from service.worker.engine_pool import AHEAD, EnginePool, EngineRequest
from tests.fixtures import clips
from tests.fixtures.jobs import LIMITS, MediaItem, engine, task

LITE = REPOSITORY / "openface_lite" / "bin"


class Bench:
    """A pool of one engine, and pictures in folders of their own."""

    def __init__(self, folder: Path, own: Engine, batch: int = 50) -> None:
        self.folder = folder
        self.workspace = Workspace(folder / "workspace")
        self.pool = EnginePool(own, self.workspace, processes=1, batch=batch)
        self.given_up: set[str] = set()
        self.count = 0

    def submit(self, content: bytes | None = None, *, is_there: bool = True) -> Future[EngineRun]:
        """Let a picture be measured; it is given up once its name is in `given_up`."""
        name = f"{self.count:03d}"
        self.count += 1
        room = self.folder / name
        room.mkdir()
        path = clips.picture(room / "media.jpg")
        if content is not None:
            path.write_bytes(content)
        if not is_there:
            path.unlink()

        def watch(progress: float) -> None:
            if name in self.given_up:
                raise Cancelled

        return self.pool.submit(EngineRequest(task("image"), MediaItem(path, 1), room, LIMITS, name, watch))

    def close(self) -> None:
        """End the threads, and remove the workspace."""
        self.pool.close()
        self.workspace.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, Engine.find(LITE))
    yield made
    made.close()


def test_pictures_that_come_while_an_engine_runs_join_it(bench: Bench) -> None:
    bench.pool.expect()
    answers = [bench.submit() for _ in range(2 * AHEAD)]
    answers[0].result(60)
    answers.append(bench.submit())
    bench.pool.arrived()
    assert [answer.result(60).pictures for answer in answers] == list(range(1, 2 * AHEAD + 2))


def test_one_that_comes_unannounced_a_moment_after_several_joins_their_engine(bench: Bench) -> None:
    bench.pool.expect()
    answers = [bench.submit() for _ in range(2)]
    bench.pool.arrived()
    assert answers[-1].result(60).pictures == 2
    assert bench.submit().result(60).pictures == 3


def test_a_bad_picture_costs_those_behind_it_nothing(bench: Bench) -> None:
    bench.pool.expect()
    before, bad, behind = bench.submit(), bench.submit(b"no picture"), [bench.submit() for _ in range(AHEAD)]
    gone, behind = bench.submit(is_there=False), [*behind, bench.submit()]
    bench.pool.arrived()
    assert before.result(60).finished.returncode == 0
    assert "Could not open the image" in bad.result(60).log_tail
    assert [answer.result(60).finished.returncode for answer in behind] == [0] * (AHEAD + 1)
    with pytest.raises(FileNotFoundError):
        gone.result(60)


def test_a_picture_that_was_given_up_meanwhile_leaves_the_others(bench: Bench) -> None:
    bench.pool.expect()
    answers = [bench.submit() for _ in range(AHEAD + 2)]
    bench.given_up.add(f"{AHEAD + 1:03d}")
    bench.pool.arrived()
    for answer in answers[:-1]:
        answer.result(60)
    with pytest.raises(Cancelled):
        answers[-1].result(60)


def test_an_engine_that_cannot_be_started_answers_every_picture(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    shutil.copytree(LITE, folder)
    bench = Bench(tmp_path, Engine.find(folder))
    (folder / "FaceLandmarkImg").unlink()
    answers = [bench.submit() for _ in range(AHEAD + 2)]
    for answer in answers:
        with pytest.raises(EngineUnavailable):
            answer.result(60)
    bench.close()


def test_a_run_of_which_no_picture_is_wanted_any_more_is_stopped(tmp_path: Path) -> None:
    bench = Bench(tmp_path, engine("hang"), batch=2)
    bench.pool.expect()
    answers = [bench.submit(), bench.submit()]
    bench.pool.arrived()
    began = time.monotonic()
    while not list(bench.workspace.path.rglob("picture-001*")):
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    bench.given_up |= {"000", "001"}
    for answer in answers:
        with pytest.raises(Cancelled):
            answer.result(60)
    bench.close()
    assert time.monotonic() - began < LIMITS.time_s / 2


def test_an_engine_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, engine("ok"))
    assert bench.pool.named("") == bench.pool.engine
    with pytest.raises(BadRequest, match="no engine 'other'"):
        bench.pool.named("other")
    bench.close()
