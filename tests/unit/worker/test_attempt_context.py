"""An attempt's times while the time of day is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.worker.attempt_context import AttemptContext

JOB = AnalysisJob("abc", "b.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {}))


@pytest.mark.parametrize("hours", [1, -1])
def test_a_stepped_clock_changes_no_duration(hours: int) -> None:
    stepped = datetime.now(UTC) + timedelta(hours=hours)
    context = AttemptContext(JOB, ResultPlace.in_folder(JOB), "a" * 12, 1, "worker", started=stepped)
    assert 0 <= context.seconds_so_far()["total"] < 60


def test_a_wait_between_two_clocks_is_never_negative() -> None:
    submitted = JobRecord(job=JOB, traceparent="", created=now() + timedelta(minutes=4))
    assert submitted.claimed("me", "a1", 60, now()).waited_s == 0.0
