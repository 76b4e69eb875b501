"""The reference picture is measured at intervals, and soon again by an engine that failed; that takes no jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from service.engine.installed import Engine
from service.errors import AnalysisError, EngineCrashed, EngineUnavailable, ShuttingDown, WorkspaceFull
from service.worker import canary as module
from service.worker.canary import Canary
from service.worker.canary_record import Record
from service.worker.pipeline import Pipeline
from tests.fixtures.jobs import engine

RECORD = Record("an engine", {"x_0": 1.0})
LONG_S = 3600.0


@dataclass
class Measured:
    """Answers the measurements with these, the last one again and again."""

    outcomes: list[float | AnalysisError]
    engine: Engine = field(default_factory=lambda: engine("ok"))
    times: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def next(self, *_: object) -> dict[str, float]:
        self.times.release()
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, AnalysisError):
            raise outcome
        return {"x_0": 1.0 + outcome}

    @contextmanager
    def watched(self, times: int, *, record: Record | None = RECORD, withdraw: bool = True) -> Iterator[Canary]:
        """Return a canary after it has measured so often."""
        canary = Canary(cast(Pipeline, self), record, every_s=LONG_S, withdraw=withdraw)
        with canary:
            for _ in range(times):
                assert self.times.acquire(timeout=10)
        yield canary


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> type[Measured]:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    monkeypatch.setattr(module, "measure", lambda pipeline, check: cast(Measured, pipeline).next())
    return Measured


@pytest.mark.parametrize("bad", [EngineCrashed(), WorkspaceFull("full"), ShuttingDown(), 1.1, -1.1])
def test_a_measurement_that_was_not_good_is_repeated_soon(answers: type[Measured], bad: float | AnalysisError) -> None:
    with answers([bad, 0.9]).watched(2) as canary:
        assert canary.is_fit()
        canary.ping()


def test_a_good_measurement_is_repeated_at_the_interval(answers: type[Measured]) -> None:
    measured = answers([0.0])
    with measured.watched(1):
        pass
    assert not measured.times.acquire(blocking=False)


@pytest.mark.parametrize("bad", [EngineCrashed(), 1.1])
@pytest.mark.parametrize("withdraw", [True, False])
def test_a_drifting_engine_takes_no_jobs_where_that_is_asked_for(
    answers: type[Measured], bad: float | AnalysisError, withdraw: bool
) -> None:
    with answers([bad]).watched(1, withdraw=withdraw) as canary:
        assert canary.is_fit() is not withdraw
        if withdraw:
            with pytest.raises(EngineUnavailable, match="drift"):
                canary.ping()


def test_no_job_is_taken_before_the_first_measurement() -> None:
    canary = Canary(cast(Pipeline, Measured([0.0])), RECORD, every_s=LONG_S, withdraw=True)
    assert not canary.is_fit()


def test_a_full_disk_leaves_the_last_verdict(answers: type[Measured]) -> None:
    with answers([EngineCrashed(), WorkspaceFull("full")]).watched(2) as canary:
        assert not canary.is_fit()


def test_without_a_record_nothing_is_measured_and_the_worker_is_fit(answers: type[Measured]) -> None:
    measured = answers([EngineCrashed()])
    with measured.watched(0, record=None) as canary:
        assert canary.is_fit()
    assert not measured.times.acquire(blocking=False)
