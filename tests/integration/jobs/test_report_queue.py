"""Requests for reports are received once while they are hidden, and deleted once."""

from __future__ import annotations

import pytest

from service.jobs.backend import JobBackend
from service.jobs.report_queue import ReportQueue
from tests.conftest import StorageAccount

JOB_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def reports(account: StorageAccount) -> ReportQueue:
    # Not created yet: the first message does that.
    return JobBackend.connect(account.settings).report_queue


def test_a_request_is_received_hidden_and_deleted(reports: ReportQueue) -> None:
    reports.send(JOB_ID)
    request = reports.receive(60)
    assert request is not None
    assert (request.job_id, request.tries) == (JOB_ID, 1)
    assert reports.receive(60) is None
    assert reports.length() == 1
    reports.delete(request.message)
    reports.delete(request.message)
    assert reports.length() == 0


def test_a_text_that_is_no_job_is_received_without_one(reports: ReportQueue) -> None:
    reports.send("../" + JOB_ID)
    request = reports.receive(60)
    assert request is not None
    assert request.job_id == ""
