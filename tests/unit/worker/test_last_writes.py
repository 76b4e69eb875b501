"""The writes after a job's success: rows before messages, together while more come, and none held up by another's."""

from __future__ import annotations

import threading
from typing import Any, cast

from service.errors import StorageUnavailable
from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.worker.last_writes import AT_MOST, LastWrites


class Written:
    """Notes in order what is written."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.fails = False

    def renew_rows(self, *records: JobRecord) -> None:
        if self.fails:
            self.fails = False
            raise ValueError("cannot be written")
        self.events.append([record.job.blob for record in records])

    def deletes(self, name: str) -> Any:
        return lambda: self.events.append(name)


def record(name: str) -> JobRecord:
    job = AnalysisJob("abc", name, "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    return JobRecord(job=job, traceparent="", created=now())


def writes(written: Written, more_come: Any) -> LastWrites:
    return LastWrites(cast("JobTable", written), more_come)


def test_a_job_alone_is_written_at_once_and_its_message_deleted_after_its_row() -> None:
    written, done = Written(), threading.Event()

    def delete() -> None:
        written.events.append("message")
        done.set()

    with writes(written, lambda: False) as last:
        last.put(record("a"), delete)
        assert done.wait(5)
    assert written.events == [["a"], "message"]


def test_rows_wait_for_those_of_jobs_in_hand() -> None:
    written, more = Written(), [True]
    with writes(written, lambda: more[0]) as last:
        for name in "abc":
            last.put(record(name), written.deletes(name))
        assert not written.events
        more[0] = False
        last.look_again()
    assert written.events == [["a", "b", "c"], "a", "b", "c"]


def test_leaving_writes_what_waits() -> None:
    written = Written()
    names = [f"{number:02}" for number in range(AT_MOST + 1)]
    with writes(written, lambda: True) as last:
        for name in names:
            last.put(record(name), written.deletes(name))
    assert [name for event in written.events if isinstance(event, list) for name in event] == names
    assert [event for event in written.events if isinstance(event, str)] == names
    assert max(len(event) for event in written.events if isinstance(event, list)) <= AT_MOST


def test_a_message_stays_where_its_row_could_not_be_written() -> None:
    written = Written()
    written.fails = True
    with writes(written, lambda: False) as last:
        last.put(record("a"), written.deletes("a"))
    with writes(written, lambda: False) as last:
        last.put(record("b"), written.deletes("b"))
    assert written.events == [["b"], "b"]


def test_a_message_that_cannot_be_deleted_keeps_no_other() -> None:
    written, more = Written(), [True]

    def away() -> None:
        raise StorageUnavailable("away")

    with writes(written, lambda: more[0]) as last:
        last.put(record("a"), away)
        last.put(record("b"), written.deletes("b"))
        more[0] = False
        last.look_again()
    assert written.events == [["a", "b"], "b"]
