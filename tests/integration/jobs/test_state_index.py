"""The state index: never without an open job, never wrong about a settled one, and cheap to read."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import pytest

from service.errors import EngineCrashed, NotFound
from service.jobs import job_table
from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, State, now
from service.jobs.state_index import OPEN, StateIndex
from service.jobs.table_rows import row_of_record
from service.storage.account import Account
from service.worker.lease import Lease
from service.worker.lease_keeper import LeaseKeeper
from tests.conftest import StorageAccount

OPTIONS = JobOptions.resolve("image", "wild", {})
REQUESTS = "azure.core.pipeline.policies.http_logging_policy"


def record(number: int = 0, container: str = "abc") -> JobRecord:
    job = AnalysisJob(container, f"{number:05d}.jpg", "0x1", "image", "wild", OPTIONS)
    return JobRecord(job=job, traceparent="", created=now() - timedelta(seconds=number))


def submitted(account: StorageAccount, count: int) -> list[JobRecord]:
    own = account.services
    jobs = [record(number).job for number in range(count)]
    return own.submitter.submit_several(jobs, "", [""] * len(jobs), [""] * len(jobs))


def succeeded(account: StorageAccount, made: JobRecord) -> JobRecord:
    table = account.services.table
    return table.update(table.update(made.claimed("me", "a1", 60, now())).succeeded("a1", now()))


def open_ids(account: StorageAccount) -> set[str]:
    return {str(row["job_id"]) for row in account.services.table.state_index.open_rows()}


def listed(account: StorageAccount, state: State) -> list[str]:
    return [each.job.job_id for each in account.services.table.records(container=None, state=state)]


def another_process(account: StorageAccount) -> JobTable:
    return JobTable(Account.connect(account.settings).tables, account.settings.table_name)


def test_a_job_moves_from_the_open_ones_to_those_of_its_state(account: StorageAccount) -> None:
    first, second, third = submitted(account, 3)
    ids = {first.job.job_id, second.job.job_id, third.job.job_id}
    assert open_ids(account) == ids
    assert set(listed(account, "queued")) == ids
    succeeded(account, first)
    table = account.services.table
    failed = table.update(table.update(second.claimed("me", "a1", 60, now())).failed(EngineCrashed("why"), now()))
    # Its message is not in the poison queue yet: a sweep has to find it.
    assert open_ids(account) == {second.job.job_id, third.job.job_id}
    assert listed(account, "queued") == [third.job.job_id]
    table.update(failed.set_aside())
    assert open_ids(account) == {third.job.job_id}
    assert (listed(account, "succeeded"), listed(account, "failed"), listed(account, "queued")) == (
        [first.job.job_id],
        [second.job.job_id],
        [third.job.job_id],
    )
    [shown] = another_process(account).page(container=None, state="failed").records
    assert (shown.error_code, shown.error_message, shown.poisoned) == ("engine_crashed", "why", True)


@contextmanager
def counted(caplog: pytest.LogCaptureFixture) -> Iterator[list[int]]:
    """Count the requests of a block, from the SDK's own log."""
    count = [0]
    caplog.set_level(logging.INFO, REQUESTS)
    logging.getLogger("azure").setLevel(logging.INFO)
    try:
        caplog.clear()
        yield count
        count[0] = sum(line.name == REQUESTS and "Request URL" in line.getMessage() for line in caplog.records)
    finally:
        logging.getLogger("azure").setLevel(logging.ERROR)


def test_a_page_of_any_state_takes_one_request_however_many_jobs_there_are(
    account: StorageAccount, caplog: pytest.LogCaptureFixture
) -> None:
    made = submitted(account, 160)
    table = account.services.table
    for one in made[:55]:
        succeeded(account, one)
    for one in made[55:108]:
        table.state_index.renew(table.update(one.claimed("me", "a1", 60, now())))
    assert table.state_index.mark.is_complete()
    pages = {}
    for state, count in {"succeeded": 55, "running": 53, "queued": 52}.items():
        with counted(caplog) as requests:
            page = pages[state] = table.page(container=None, state=cast(State, state))
        assert (len(page.records), {record.state for record in page.records}) == (50, {state})
        assert requests == [1]
        rest = table.page(container=None, state=cast(State, state), cursor=page.cursor)
        assert (len(rest.records), rest.cursor) == (count - 50, "")
        assert not {each.job.job_id for each in rest.records} & {each.job.job_id for each in page.records}


def test_a_lease_shows_its_job_as_running_in_the_list(account: StorageAccount) -> None:
    own = account.services
    video = AnalysisJob("abc", "clip.mp4", "0x1", "video", "wild", JobOptions.resolve("video", "wild", {}))
    queued = own.submitter.submit(video, "")
    message = own.queue.receive(60)
    assert message
    claimed = own.table.update(queued.claimed("me", "a1", 60, now()))
    with LeaseKeeper() as keeper, keeper.keeping(Lease(own.table, own.queue, message, claimed, 60)) as lease:
        lease.report("engine", 0.5)
        deadline = time.monotonic() + 10
        while not (shown := own.table.page(container=None, state="running").records) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [(one.stage, one.progress, one.owner) for one in shown] == [("engine", 0.5, "me")]
        assert listed(account, "queued") == []
        lease.settle(lambda record: record.released(EngineCrashed("why"), "waiting to try again", counted=True))
    [shown_again] = own.table.page(container=None, state="running").records
    assert (shown_again.stage, shown_again.owner, shown_again.error_code) == (
        "waiting to try again",
        "",
        "engine_crashed",
    )


def test_the_copy_of_a_job_whose_worker_died_is_put_right(
    account: StorageAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    [made] = submitted(account, 1)
    table = account.services.table
    table.update(made.claimed("me", "a1", 60, now()))
    assert listed(account, "running") == []
    # A living worker does it itself.
    assert len(list(table.unsettled())) == 1
    assert listed(account, "running") == []
    monkeypatch.setattr(job_table, "LONGEST_LAG_S", -1.0)
    assert len(list(table.unsettled())) == 1
    assert (listed(account, "queued"), listed(account, "running")) == ([], [made.job.job_id])


def test_asking_again_for_a_finished_job_leaves_no_open_row(account: StorageAccount) -> None:
    [made] = submitted(account, 1)
    succeeded(account, made)
    assert account.services.submitter.submit(made.job, "").state == "succeeded"
    assert open_ids(account) == set()


@pytest.mark.parametrize("count", [1, 4])
def test_rows_that_are_written_after_a_purge_do_not_stay(account: StorageAccount, count: int) -> None:
    table = account.services.table
    ended = []
    for made in submitted(account, count):
        running = table.update(made.claimed("me", "a1", 60, now()))
        ended.append(table.update(running.succeeded("a1", now()), rows_later=True))
    table.purge(ended[0])
    table.renew_rows(*ended)
    assert open_ids(account) == set()
    assert sorted(listed(account, "succeeded")) == sorted(record.job.job_id for record in ended[1:])


def test_an_open_row_of_a_settled_job_is_put_right(account: StorageAccount) -> None:
    [made] = submitted(account, 1)
    table = account.services.table
    # As if this process had died before its rows were written.
    running = table.update(made.claimed("me", "a1", 60, now()))
    index = StateIndex(table.state_index._table)
    done = table.update(running.succeeded("a1", now()))
    index.open([done])
    assert list(table.unsettled()) == []
    assert open_ids(account) == set()
    assert listed(account, "succeeded") == [made.job.job_id]


@pytest.mark.parametrize("is_finished", [True, False])
def test_the_row_of_a_repeated_submission_that_died_is_dropped(account: StorageAccount, is_finished: bool) -> None:
    [made] = submitted(account, 1)
    if is_finished:
        succeeded(account, made)
    table = account.services.table
    table.state_index.open([dataclasses.replace(made, created=now() - timedelta(seconds=5))])
    assert len(list(table.unsettled())) == (0 if is_finished else 1)
    rows = list(table.state_index.open_rows())
    assert [row["RowKey"] for row in rows] == ([] if is_finished else [row_of_record(made)])


def test_an_open_row_without_a_record_is_dropped_after_an_hour(account: StorageAccount) -> None:
    index = account.services.table.state_index
    old, young = record(7200), record(0)
    index.open([old, young])
    assert list(account.services.table.unsettled()) == []
    assert open_ids(account) == {young.job.job_id}


def test_records_of_earlier_releases_are_indexed_once_and_resumably(account: StorageAccount) -> None:
    table = account.services.table
    for number in range(5):
        made = table.create(record(number))
        if number % 2:
            succeeded(account, made)
    for listing in (OPEN, "is-succeeded"):
        for row in list(table.state_index.rows(listing, "", 100)):
            table.state_index._delete(str(row["PartitionKey"]), str(row["RowKey"]))
    table.state_index.mark._write("", done=False)
    late = another_process(account)
    assert not late.state_index.mark.is_complete()
    # Until then, lists by state read the records.
    assert len(late.page(container=None, state="succeeded").records) == 0
    run = late.state_index.mark.backfill(late.state_index.put)
    assert sum(run) == 5
    assert late.state_index.mark.is_complete()
    assert len(open_ids(account)) == 3
    assert len(listed(account, "succeeded")) == 2


def test_a_purged_job_is_in_no_list(account: StorageAccount) -> None:
    [made] = submitted(account, 1)
    done = succeeded(account, made)
    account.services.table.purge(account.services.table.get(done.job.job_id))
    assert listed(account, "succeeded") == []
    with pytest.raises(NotFound):
        account.services.table.get(done.job.job_id)


def test_records_without_rows_lose_nothing_of_a_copy(account: StorageAccount) -> None:
    [made] = submitted(account, 1)
    done = succeeded(account, made)
    [copy] = account.services.table.page(container=None, state="succeeded").records
    read = account.services.table.get(done.job.job_id)
    assert dataclasses.replace(copy, version="", others={}) == dataclasses.replace(read, version="", others={})
