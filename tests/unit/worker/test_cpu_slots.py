"""Each engine run has a processor of its own for as long as there are enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.settings import REPOSITORY
from service.worker import cpu_slots
from service.worker.cpu_slots import CpuSlots

CPUS = frozenset({3, 5})

ONE_WORKER = """
import sys, time
from pathlib import Path
from service.worker.cpu_slots import CpuSlots
with CpuSlots(Path(sys.argv[1]), frozenset({3, 5})).take() as cpus:
    print(*cpus, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _an_idle_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load of other tests must not decide."""
    monkeypatch.setattr(cpu_slots, "STAT", tmp_path / "stat")


def test_engines_of_one_worker_spread_over_its_processors(tmp_path: Path) -> None:
    slots = CpuSlots(tmp_path, CPUS)
    with ExitStack() as stack:
        taken = [stack.enter_context(slots.take()) for _ in range(4)]
    assert Counter(cpu for cpus in taken for cpu in cpus) == {3: 2, 5: 2}


def test_a_containers_quota_counts_and_not_all_that_its_host_has(tmp_path: Path) -> None:
    slots = CpuSlots(tmp_path, frozenset(range(16)), quota=2)
    assert slots.count == 2
    with slots.take(16) as cpus:
        assert len(cpus) == 2


def test_four_workers_of_one_engine_spread_over_two_processors(tmp_path: Path) -> None:
    """Real processes, which know of one another by the files of their workspace only."""
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", ONE_WORKER, str(tmp_path)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) for _ in range(4)
    ]
    taken = Counter(int(worker.stdout.readline()) for worker in workers if worker.stdout)
    for worker in workers:
        worker.communicate(timeout=30)
    # Under load of other programs each may weigh it differently, but never are all on one.
    assert sum(taken.values()) == 4
    assert set(taken) == {3, 5}


def test_a_slot_is_free_again_after_its_run(tmp_path: Path) -> None:
    slots = CpuSlots(tmp_path, CPUS)
    with slots.take(), slots.take() as second:
        pass
    with slots.take() as first, slots.take() as again:
        assert first | again == CPUS
    assert len(second) == 1


def test_an_engine_that_can_use_several_gets_several(tmp_path: Path) -> None:
    with CpuSlots(tmp_path, CPUS).take(5) as cpus:
        assert cpus == CPUS


def test_a_processor_loaded_by_others_comes_last(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu3 0 0 0 0 0 0 0 0\ncpu5 0 0 0 0 0 0 0 0\n")
    slots = CpuSlots(tmp_path, CPUS)
    # Nine of ten ticks, and a tenth of more.
    stat.write_text("cpu3 9 0 0 1 0 0 0 0\ncpu5 100 0 0 900 0 0 0 0\n")
    slots._measured -= 1
    with slots.take() as cpus:
        assert cpus == {5}


def test_without_a_folder_for_locks_there_is_a_processor_all_the_same(tmp_path: Path) -> None:
    with CpuSlots(tmp_path / "absent", CPUS).take() as cpus:
        assert len(cpus) == 1
