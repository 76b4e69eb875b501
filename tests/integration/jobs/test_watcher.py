"""Following jobs: one reader for all followers, over the real table."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from service.errors import NotFound
from service.jobs import watcher as watching
from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.watcher import JobWatcher
from tests.conftest import StorageAccount

WITHIN_S = 20.0
FOLLOWERS = 100


class CountingTable(JobTable):
    """The real table, and how often each record was read."""

    def __init__(self, table: JobTable) -> None:
        self.reads: Counter[str] = Counter()
        self.__dict__.update(table.__dict__)

    def get(self, job_id: str) -> JobRecord:
        self.reads[job_id] += 1
        return super().get(job_id)


@pytest.fixture
def table(account: StorageAccount) -> CountingTable:
    return CountingTable(account.services.table)


def _job(table: JobTable, number: int = 0) -> JobRecord:
    job = AnalysisJob("abc", f"{number}.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    return table.create(JobRecord(job=job, traceparent="00-a-b-01", created=now()))


def _watchers() -> int:
    return sum(thread.name == "job-watcher" for thread in threading.enumerate())


def test_all_followers_of_a_job_see_its_end_and_share_its_reads(table: CountingTable) -> None:
    watcher, made = JobWatcher(table), _job(table)
    ready = threading.Barrier(FOLLOWERS + 1)

    def follow(_number: int) -> JobRecord:
        with watcher.following([made]) as following:
            ready.wait(WITHIN_S)
            until = time.monotonic() + WITHIN_S
            while not following.is_over and time.monotonic() < until:
                following.wait(until - time.monotonic())
            return following.records[0]

    with ThreadPoolExecutor(FOLLOWERS) as pool:
        ends = pool.map(follow, range(FOLLOWERS))
        ready.wait(WITHIN_S)
        began = time.monotonic()
        time.sleep(3 * watching.ROUND_S)
        cancelled = table.update(made.cancelled(now()))
        assert list(ends) == [cancelled] * FOLLOWERS
        rounds = (time.monotonic() - began) / watching.ROUND_S
    assert 1 <= table.reads[made.job.job_id] <= rounds + 2


def test_the_reader_ends_with_the_last_follower(table: CountingTable) -> None:
    before = _watchers()
    watcher, made = JobWatcher(table), _job(table)
    with watcher.following([made]), watcher.following([made]):
        assert _watchers() == before + 1
    until = time.monotonic() + WITHIN_S
    while _watchers() > before:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_follower_is_not_woken_by_what_it_knows(table: CountingTable) -> None:
    watcher = JobWatcher(table)
    mine, other = _job(table), _job(table, 1)
    with watcher.following([mine]) as following, watcher.following([other]) as others:
        table.update(other.cancelled(now()))
        assert others.wait(WITHIN_S)
        assert not following.wait(2 * watching.ROUND_S)
        running = table.update(mine.claimed("w", "a1", 60, now()))
        assert following.wait(WITHIN_S)
        assert following.records == [running]
        assert not following.is_over


def test_a_job_whose_record_is_deleted_is_over(table: CountingTable) -> None:
    watcher, made = JobWatcher(table), _job(table)
    with watcher.following([made]) as following:
        table.purge(made)
        with suppress(NotFound):
            table.get(made.job.job_id)
        assert following.wait(WITHIN_S)
        assert following.is_over


def test_jobs_that_have_finished_are_not_read(table: CountingTable) -> None:
    watcher, made = JobWatcher(table), _job(table)
    cancelled = table.update(made.cancelled(now()))
    # The job was never put into the lists, so that its update has looked at its record.
    table.reads.clear()
    with watcher.following([cancelled]) as following:
        assert following.is_over
        time.sleep(2 * watching.ROUND_S)
    assert not table.reads


def test_a_follower_that_comes_with_the_end_wakes_those_who_wait(table: CountingTable) -> None:
    watcher, made = JobWatcher(table), _job(table)
    seen: list[bool] = []

    def follow() -> None:
        with watcher.following([made]) as following:
            following.wait(WITHIN_S)
            seen.append(following.is_over)

    waiting = threading.Thread(target=follow)
    waiting.start()
    while not _watchers():
        time.sleep(0.001)
    ended = table.update(made.cancelled(now()))
    # Before the reader has looked again, somebody asks who has just read the end.
    with watcher.following([ended]):
        waiting.join(WITHIN_S / 4)
    assert seen == [True]
