"""A job's steps go from thread to thread, and the engine has the job between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest
from structlog.contextvars import bind_contextvars, get_contextvars

from service.errors import EngineTimeout
from service.worker.engine_pool import EnginePool
from service.worker.job_run import JobRun

RUN_S = 10


class Engines:
    """Stand-in of the engines: answers each request at once."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        self.announced = 0

    def expect(self) -> None:
        self.announced += 1

    def arrived(self) -> None:
        self.announced -= 1

    def submit(self, request: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(self._answer(request))
        except EngineTimeout as error:
            future.set_exception(error)
        return future


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def run(pool: ThreadPoolExecutor) -> Callable[..., tuple[Engines, list[str]]]:
    """Run steps to their end; returns the engines, and how often they were said to be lost."""

    def run(steps: Generator[Any, Any, None], answer: Callable[[Any], Any] = str.upper) -> tuple[Engines, list[str]]:
        engines, lost, ended = Engines(answer), [], threading.Event()

        def watched() -> Generator[Any, Any, None]:
            try:
                yield from steps
            finally:
                ended.set()

        JobRun(watched(), cast(EnginePool, engines), pool, lambda: lost.append("lost")).start()
        assert ended.wait(RUN_S)
        pool.shutdown()
        return engines, lost

    return run


def test_each_request_is_answered_to_the_step_that_made_it(run: Callable[..., tuple[Engines, list[str]]]) -> None:
    answers = []

    def steps() -> Generator[str, str, None]:
        answers.append((yield "first"))
        answers.append((yield "second"))

    _, lost = run(steps())
    assert answers == ["FIRST", "SECOND"]
    assert lost == []


def test_an_engines_error_is_raised_in_the_step_that_asked(run: Callable[..., tuple[Engines, list[str]]]) -> None:
    caught = []

    def steps() -> Generator[str, str, None]:
        try:
            yield "first"
        except EngineTimeout as error:
            caught.append(error.message)
            yield "again"

    def answer(request: str) -> str:
        if request == "first":
            raise EngineTimeout("too slow")
        return request

    _, lost = run(steps(), answer)
    assert caught == ["too slow"]
    assert lost == []


@pytest.mark.parametrize("requests", [0, 1])
def test_steps_that_break_off_are_lost_and_no_longer_expected(
    run: Callable[..., tuple[Engines, list[str]]], requests: int
) -> None:
    def steps() -> Generator[str, str, None]:
        yield from ["request"] * requests
        raise RuntimeError("a defect")

    engines, lost = run(steps())
    assert lost == ["lost"]
    assert engines.announced == 0


def test_what_a_step_binds_to_its_log_lines_stays_with_the_job(run: Callable[..., tuple[Engines, list[str]]]) -> None:
    seen = []

    def steps() -> Generator[str, str, None]:
        bind_contextvars(job_id="a1")
        yield "request"
        seen.append(get_contextvars())

    run(steps())
    assert seen == [{"job_id": "a1"}]
    assert get_contextvars() == {}
