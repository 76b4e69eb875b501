"""The pool of forked processes: answers, errors, a process that ends, and no shared memory."""

import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from openface_lite.forked import ForkedPool
from service.sandbox.process import ChildLimits, run_child
from service.settings import REPOSITORY


def test_calls_are_answered_by_other_processes() -> None:
    with ForkedPool(2, begin=int) as pool:
        answers = [pool.submit(pow, number, exp=2) for number in range(9)]
        processes = {pool.submit(os.getpid).result() for _ in range(9)}
    assert [answer.result() for answer in answers] == [number**2 for number in range(9)]
    assert os.getpid() not in processes


def test_an_error_reaches_the_caller_and_the_process_goes_on() -> None:
    with ForkedPool(1, begin=int) as pool:
        with pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result()
        assert pool.submit(int, "7").result() == 7


def test_a_process_that_ends_over_its_work_is_an_error() -> None:
    with ForkedPool(2, begin=int) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(signal.raise_signal, signal.SIGKILL).result()


def test_it_works_in_the_sandbox(tmp_path: Path) -> None:
    code = (
        f"import os, sys; sys.path.insert(0, {str(REPOSITORY)!r}); from openface_lite.forked import ForkedPool\n"
        "with ForkedPool(2, begin=int) as pool: print(pool.submit(os.getpid).result() != os.getpid())"
    )
    limits = ChildLimits(30.0, 4 << 30, 1 << 20)
    finished = run_child([sys.executable, "-c", code], cwd=tmp_path, log_dir=tmp_path, limits=limits)
    assert finished.stdout.read_text() == "True\n", finished.tail()
