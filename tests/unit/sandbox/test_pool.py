"""The pool answers in parallel, says when it is full, and outlives its children."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import Busy, EngineUnavailable, MediaTooLarge, UnreadableMedia
from service.sandbox.confinement import Access
from service.sandbox.pool import ChildEnded, Pool

CHILD = "tests.fixtures.odd_child"


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    pool = Pool(CHILD, children=2, waiting=2, time_s=5.0, access=lambda: Access(writes=(tmp_path,)))
    yield pool
    pool.close()


def test_an_answer_and_its_bytes(pool: Pool) -> None:
    words, body = pool.ask({"do": "echo"}, b"abc" * 100_000)
    assert body == b"cba" * 100_000
    assert words["pid"] != os.getpid()


def test_a_child_inherits_no_secrets(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "secret")
    words, _ = pool.ask({"do": "echo"}, b"")
    assert "AZURE_STORAGE_CONNECTION_STRING" not in words["environment"]


def test_what_a_child_prints_is_no_answer(pool: Pool) -> None:
    assert pool.ask({"do": "talk"}, b"ab")[1] == b"ba"


def test_an_error_on_purpose_comes_back_as_itself(pool: Pool) -> None:
    with pytest.raises(MediaTooLarge, match="too large for me"):
        pool.ask({"do": "refuse"}, b"")


def test_a_library_s_error_that_is_the_picture_s_fault_is_translated(pool: Pool) -> None:
    with pytest.raises(UnreadableMedia, match="there is no such picture"):
        pool.ask({"do": "miss"}, b"")


@pytest.mark.parametrize("error", ["Cancelled", "LeaseLost"])
def test_a_child_cannot_raise_what_is_not_about_the_picture(pool: Pool, error: str) -> None:
    with pytest.raises(UnreadableMedia, match="not mine to say"):
        pool.ask({"do": "interrupt", "error": error}, b"")


@pytest.mark.parametrize("text", [b"no json", b"[1]", b"\xff", b"[" * 100_000, b'"error"'])
def test_a_message_that_is_no_json_object_ends_the_child_and_not_its_keeper(text: bytes) -> None:
    pool = Pool(CHILD, children=1, waiting=2, time_s=5.0)
    first = pool.ask({"do": "echo"}, b"")[0]["pid"]
    with pytest.raises(ChildEnded):
        pool.ask({"do": "send"}, text)
    assert pool.submit({"do": "echo"}, b"").result(timeout=20)[0]["pid"] != first
    pool.close()


def test_a_child_that_was_gone_before_the_request_costs_the_caller_nothing() -> None:
    pool = Pool(CHILD, children=1, waiting=2, time_s=5.0)
    for number in (signal.SIGKILL, signal.SIGSEGV):
        pid = pool.ask({"do": "echo"}, b"")[0]["pid"]
        os.kill(pid, number)
        time.sleep(0.5)  # A crash takes a moment.
        assert pool.ask({"do": "echo"}, b"ab")[1] == b"ba"
    pool.close()


def test_a_child_killed_from_outside_is_asked_again_once(pool: Pool, tmp_path: Path) -> None:
    assert pool.ask({"do": "killed_once", "mark": str(tmp_path / "mark")}, b"ab")[1] == b"ba"
    with pytest.raises(ChildEnded):
        pool.ask({"do": "always_killed"}, b"")


def test_a_request_that_was_cancelled_keeps_no_child_from_its_work() -> None:
    pool = Pool(CHILD, children=1, waiting=2, time_s=5.0)
    slow = pool.submit({"do": "sleep", "seconds": 1}, b"")
    while not slow.running():
        time.sleep(0.02)
    assert pool.submit({"do": "echo"}, b"").cancel()
    assert pool.submit({"do": "echo"}, b"ab").result(timeout=20)[1] == b"ba"
    pool.close()


@pytest.mark.parametrize("how", ["die", "fail"])
def test_a_child_that_ends_over_a_picture_is_replaced(pool: Pool, how: str) -> None:
    for _ in range(3):
        with pytest.raises(UnreadableMedia):
            pool.ask({"do": how}, b"")
    assert pool.ask({"do": "echo"}, b"ab")[1] == b"ba"


def test_a_child_that_takes_too_long_is_replaced() -> None:
    pool = Pool(CHILD, children=1, waiting=2, time_s=0.5)
    first = pool.ask({"do": "echo"}, b"")[0]["pid"]
    with pytest.raises(Busy, match="longer than"):
        pool.ask({"do": "sleep", "seconds": 60}, b"")
    assert pool.ask({"do": "echo"}, b"")[0]["pid"] != first
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_more_requests_than_may_wait_are_refused_as_busy(pool: Pool) -> None:
    pool.ask({"do": "echo"}, b"")
    begun = threading.Barrier(5)

    def ask() -> str:
        begun.wait()
        try:
            pool.ask({"do": "sleep", "seconds": 1}, b"")
        except Busy:
            return "busy"
        return "answered"

    with ThreadPoolExecutor(5) as callers:
        answers = [caller.result() for caller in [callers.submit(ask) for _ in range(5)]]
    # Two in hand and two waiting at most; a caller that comes before a child has taken its request finds less room.
    assert answers.count("answered") in {2, 3, 4}
    assert set(answers) == {"answered", "busy"}


def test_two_children_work_side_by_side(pool: Pool) -> None:
    with ThreadPoolExecutor(2) as callers:
        asked = [callers.submit(pool.ask, {"do": "sleep", "seconds": 0.5}, b"") for _ in range(2)]
        assert len({one.result()[0]["pid"] for one in asked}) == 2


def test_a_child_that_does_not_start_is_an_error_that_names_it() -> None:
    pool = Pool("tests.children.no_such_child", children=1, waiting=2, time_s=1.0)
    with pytest.raises(EngineUnavailable, match="no_such_child"):
        pool.ask({"do": "echo"}, b"")
    pool.close()


def test_closing_ends_the_children(pool: Pool) -> None:
    pid = pool.ask({"do": "echo"}, b"")[0]["pid"]
    pool.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the child is still there")
