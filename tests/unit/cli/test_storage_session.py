"""Operators' orders: the state of a job in one line, and failures of single ids."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from service.cli.storage_session import Failures, order_line
from service.errors import NotFound
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now

JOB = AnalysisJob("c", "b.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {}))
QUEUED = JobRecord(JOB, "", now())


def test_a_job_that_was_told_to_end_is_ending_until_it_has() -> None:
    running = QUEUED.claimed("me", "a", 60, now())
    assert order_line(running).endswith(" running (generation 0)")
    asked = replace(running, cancel_requested=True)
    assert order_line(asked) == f"{JOB.job_id} ending (generation 0)"
    assert order_line(asked.cancelled(now())).endswith(" cancelled (generation 0)")


@pytest.mark.parametrize("as_json", [False, True])
def test_failures_are_told_as_they_happen_and_make_the_exit_code(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = Failures(as_json=as_json)
    failures.exit_if_any()
    failures.add("a\x1b", NotFound("no job", "job_not_found"))
    told = capsys.readouterr()
    if as_json:
        error = {"code": "job_not_found", "message": "no job"}
        assert json.loads(told.out) == {"id": "a\x1b", "error": error}
    else:
        assert told.err == "a\\x1b: no job (job_not_found)\n"
    with pytest.raises(SystemExit) as ended:
        failures.exit_if_any()
    assert ended.value.code == 1
