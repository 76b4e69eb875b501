"""Followers of a job are woken by its changes, and the job is read once for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

import pytest

from service.errors import StorageUnavailable
from service.jobs import watcher as module
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.jobs.watcher import JobWatcher
from tests.fixtures.jobs import job

SOON_S, LONG_S = 10.0, 60.0


def record(blob: str = "a.jpg", version: str = "1") -> JobRecord:
    return JobRecord(replace(job(), blob=blob), "", now(), version=version)


class Table:
    """Stand-in of the job table: its records, and how often any was read."""

    def __init__(self) -> None:
        self.records: dict[str, JobRecord] = {}
        self.reads: list[list[str]] = []
        self.has_read = threading.Semaphore(0)
        self.away = False

    def put(self, *records: JobRecord) -> None:
        self.records |= {one.job.job_id: one for one in records}

    def several(self, ids: Iterable[str]) -> list[JobRecord]:
        self.reads.append(list(ids))
        self.has_read.release()
        if self.away:
            self.away = False
            raise StorageUnavailable("away")
        return [self.records[job_id] for job_id in self.reads[-1] if job_id in self.records]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(module, "ROUND_S", 0.005)
    return Table()


@pytest.fixture
def watcher(table: Table) -> JobWatcher:
    return JobWatcher(cast(JobTable, table))


def woken(wait: Callable[[float], bool]) -> bool:
    """Wait long; return whether a change ended that soon."""
    began = time.monotonic()
    return wait(LONG_S) and time.monotonic() - began < SOON_S


def test_all_followers_are_woken_by_a_change(table: Table, watcher: JobWatcher) -> None:
    table.put(record())
    with watcher.following([record()]) as one, watcher.following([record()]) as other, ThreadPoolExecutor() as pool:
        waits = [pool.submit(woken, one.wait), pool.submit(woken, other.wait)]
        assert table.has_read.acquire(timeout=SOON_S)
        table.put(record(version="2"))
        assert [wait.result(LONG_S) for wait in waits] == [True, True]
        assert [seen.version for seen in (*one.records, *other.records)] == ["2", "2"]
        assert not one.is_over
    assert {tuple(read) for read in table.reads} == {(record().job.job_id,)}


def test_a_follower_without_news_waits_in_vain(table: Table, watcher: JobWatcher) -> None:
    table.put(record(), record("b.jpg", "2"))
    with watcher.following([record()]) as one, watcher.following([record("b.jpg")]) as other:
        assert woken(other.wait)
        assert not one.wait(0.02)


def test_a_deleted_job_is_over(table: Table, watcher: JobWatcher) -> None:
    with watcher.following([record()]) as one:
        assert woken(one.wait)
        assert one.is_over
        assert [seen.version for seen in one.records] == ["1"]


def test_records_are_in_the_order_in_which_they_were_given(table: Table, watcher: JobWatcher) -> None:
    given = [record("b.jpg"), record("a.jpg"), record("c.jpg")]
    table.put(*given)
    with watcher.following(given) as one:
        assert one.records == given


def test_a_newer_record_of_another_follower_is_news(table: Table, watcher: JobWatcher) -> None:
    done = replace(record(version="2"), state="succeeded")
    table.put(record())
    with watcher.following([record()]) as one, watcher.following([done]):
        assert woken(one.wait)
        assert one.is_over


def test_finished_jobs_and_those_that_are_not_followed_are_not_read(table: Table, watcher: JobWatcher) -> None:
    done = replace(record(), state="failed")
    table.put(done, record("b.jpg"))
    with watcher.following([done]) as one:
        assert one.is_over
        assert not table.has_read.acquire(timeout=0.02)
    with watcher.following([record("b.jpg")]):
        assert table.has_read.acquire(timeout=SOON_S)
    reads = {job_id for read in table.reads for job_id in read}
    assert reads == {record("b.jpg").job.job_id}


def test_a_watcher_goes_on_after_an_outage(table: Table, watcher: JobWatcher) -> None:
    table.put(record(version="2"))
    table.away = True
    with watcher.following([record()]) as one:
        assert woken(one.wait)
