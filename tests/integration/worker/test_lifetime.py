"""A worker that a queue's length has started: it leaves by itself, and never with work in hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from service.cli.worker import worker as command
from service.worker.receiver import Capacity, Lifetime, Receiver
from service.worker.shutdown import Shutdown
from tests.fixtures.media_made import FAKES, clip, jpeg
from tests.integration.cli.conftest import environ_of
from tests.integration.worker.conftest import Bench


def test_it_empties_the_queue_and_leaves(bench: Bench) -> None:
    jobs = [bench.submit(f"face {n}.jpg", jpeg()) for n in range(3)]
    with bench.worker(lifetime=Lifetime(until_idle_s=1.0)) as (_, codes):
        bench.until(lambda: bool(codes))
        assert [bench.record(job).state for job in jobs] == ["succeeded"] * 3
    assert codes == [0]


def test_what_is_in_hand_is_no_idling(bench: Bench) -> None:
    job = bench.submit("clip.mp4", clip(frames=12), media="video")
    with bench.worker("slow", lifetime=Lifetime(until_idle_s=0.3)) as (_, codes):
        bench.until(lambda: bool(codes))
    assert (bench.record(job).state, bench.record(job).attempts) == ("succeeded", 1)


def test_a_slow_start_is_no_idling(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    looks_good = iter([False, False])
    intake = Receiver(
        bench.account.services.queue,
        has_room=lambda: True,
        is_fit=lambda: next(looks_good, True),
        shutdown=Shutdown(1.0),
        lease_s=30,
        capacity=Capacity(items=1, videos=1, hold_s=4.0),
        lifetime=Lifetime(until_idle_s=0.1),
    )
    received = intake.next()
    assert received is not None and received.queued.job == job
    intake.release(received)
    assert intake.next() is None


def test_its_time_is_over_for_new_work_and_not_for_what_it_has(bench: Bench) -> None:
    first = bench.submit("first.mp4", clip(frames=30), media="video")
    with bench.worker("slow", lifetime=Lifetime(take_for_s=2.0), engines=1, batch_images=1) as (_, codes):
        bench.until(lambda: bench.record(first).state == "running")
        time.sleep(2.0)
        late = bench.submit("late.jpg", jpeg())
        bench.until(lambda: bool(codes))
    assert (bench.record(first).state, bench.record(first).attempts) == ("succeeded", 1)
    assert bench.record(late).state == "queued"


def test_the_command_empties_the_queue_and_ends(bench: Bench) -> None:
    job = bench.submit("face.jpg", jpeg())
    environ = environ_of(bench.account.settings) | {"OPENFACE_BIN_DIR": str(FAKES / "ok")}
    words = [sys.executable, "-m", "service", "worker", "--until-idle", "1", "--take-for", "60"]
    done = subprocess.run(words, env=os.environ | environ, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "worker.stopped" in done.stderr
    assert bench.record(job).state == "succeeded"


@pytest.mark.parametrize("option", ["--until-idle", "--take-for"])
def test_the_command_takes_seconds_above_zero(option: str) -> None:
    result = CliRunner().invoke(command, [option, "0"])
    assert result.exit_code == 2
    assert option in result.output


def test_a_worker_whose_threads_end_unexpectedly_exits_with_a_code_of_its_own(bench: Bench) -> None:
    with bench.worker() as (worker, codes):
        shutil.rmtree(worker.context.pipeline.workspace.path)
        bench.until(lambda: bool(codes))
    assert codes == [4]
