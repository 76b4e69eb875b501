"""A study is counted in steps of bounded work, and its records are read where a row does not say enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

import pytest

from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, State, now
from service.jobs.studies import Member
from service.jobs.study_pages import COUNTED_AT_ONCE, READ_AT_ONCE, StudyPages
from tests.fixtures.jobs import job


@cache
def numbered(number: int) -> AnalysisJob:
    """Make a job of this number, whose id takes long to compute, once."""
    return replace(job(), blob=f"{number}.jpg")


@dataclass
class Table:
    """Stand-in of the rows and records of a study of `size` jobs, of which its rows say this state."""

    size: int
    said: str
    state: State = "queued"
    asked: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    noted: list[str] = field(default_factory=list)
    records: dict[str, JobRecord] = field(default_factory=dict)

    @property
    def studies(self) -> Table:
        return self

    def members(self, study: str, after: str, size: int, **filters: Any) -> tuple[list[Member], str]:
        self.asked.append(filters)
        begin = int(after or 0)
        end = min(begin + size, self.size)
        rows = [Member(f"{number}", self._record(number).job.job_id, self.said) for number in range(begin, end)]
        return rows, str(end) if end < self.size else ""

    def _record(self, number: int) -> JobRecord:
        record = JobRecord(numbered(number), "", now(), state=self.state)
        self.records[record.job.job_id] = record
        return record

    def several(self, ids: Iterable[str]) -> list[JobRecord]:
        found = [self.records[job_id] for job_id in ids]
        self.read += len(found)
        return found

    def note(self, study: str, member: Member, state: str) -> None:
        self.noted.append(member.row)


def pages(table: Table, key_name: str = "") -> StudyPages:
    return StudyPages(cast(JobTable, table), key_name)


@pytest.mark.parametrize(
    ("size", "first", "after"),
    [
        (3, 3, ""),
        (COUNTED_AT_ONCE, COUNTED_AT_ONCE, ""),
        (COUNTED_AT_ONCE + 1, COUNTED_AT_ONCE, str(COUNTED_AT_ONCE)),
    ],
)
def test_rows_that_say_their_state_are_counted_without_their_records(size: int, first: int, after: str) -> None:
    table = Table(size, "succeeded")
    counts = pages(table).counts("trial")
    assert (counts.states, counts.after) == ({"succeeded": first}, after)
    assert table.read == 0
    if after:
        assert pages(table).counts("trial", after).states == {"succeeded": size - first}


def test_of_rows_that_do_not_say_it_fewer_are_counted_at_once() -> None:
    table = Table(READ_AT_ONCE + 1, "", "running")
    counts = pages(table).counts("trial")
    assert (counts.states, counts.after) == ({"running": READ_AT_ONCE}, str(READ_AT_ONCE))
    assert table.noted == []


def test_the_state_of_a_job_that_has_finished_is_noted_in_its_row() -> None:
    finished = Table(2, "", "failed")
    assert pages(finished).counts("trial").states == {"failed": 2}
    assert finished.noted == ["0", "1"]


def test_a_page_has_the_jobs_of_a_state_as_their_records_say_it() -> None:
    table = Table(3, "", "queued")
    found, after = pages(table, "lab").jobs("trial", size=2, state="queued")
    assert [(member.row, record.job.blob) for member, record in found] == [("0", "0.jpg"), ("1", "1.jpg")]
    assert after == "2"
    assert pages(table).jobs("trial", state="failed")[0] == []
    assert table.asked[0] == {"state": "queued", "key_name": "lab"}


def test_all_jobs_are_read_page_by_page_with_those_that_were_replaced() -> None:
    table = Table(READ_AT_ONCE + 1, "succeeded", "succeeded")
    assert [member.row for member, _ in pages(table).all_jobs("trial")] == [str(n) for n in range(READ_AT_ONCE + 1)]
    assert table.asked == [{"key_name": "", "with_replaced": True}] * 2
