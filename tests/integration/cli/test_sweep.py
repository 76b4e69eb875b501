"""`sweep`: what fell through is found and told; it is mended where that is asked for, and nothing else is touched."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from service.errors import Conflict, UnreadableMedia
from service.jobs.job import AnalysisJob
from service.jobs.record import now
from service.jobs.sweep.lease import SweepLeases
from service.results.publish import publish_artefacts
from service.storage.account import Account
from tests.conftest import StorageAccount
from tests.fixtures.media_made import jpeg
from tests.integration.cli.conftest import CommandLine, Office
from tests.integration.worker.conftest import TRACE, Bench

pytestmark = pytest.mark.xdist_group("swept")

NOW = ("--grace-minutes", "0")


@pytest.fixture
def account(swept_account: StorageAccount) -> StorageAccount:
    return swept_account


@pytest.fixture
def leases(account: StorageAccount) -> SweepLeases:
    return SweepLeases(Account.connect(account.settings).tables, account.settings.table_name)


def found(command_line: CommandLine, *more: str) -> list[tuple[str, str]]:
    return sorted((one["kind"], one["blob"]) for one in command_line.json("sweep", *NOW, *more))


def empty_queue(account: StorageAccount) -> None:
    queue = account.services.queue
    while message := queue.receive(30):
        queue.delete(message)


def test_a_sweep_of_finished_work_finds_nothing(command_line: CommandLine, bench: Bench) -> None:
    job = bench.submit("a.jpg", jpeg())
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.settled()
    done = command_line("sweep", *NOW)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "0 found, 0 mended\n")


def test_an_upload_without_an_event(command_line: CommandLine, account: StorageAccount) -> None:
    account.put("posed/a.jpg", jpeg())
    account.put("b.mp4", b"x")
    account.put("notes.txt", b"x")
    account.put("_results/c.jpg", b"x")
    lost = [("upload without a job", "b.mp4"), ("upload without a job", "posed/a.jpg")]
    # Telling changes nothing, so it is told again.
    for _ in range(2):
        assert found(command_line) == lost
        assert account.services.queue.length() == 0
    done = command_line("sweep", *NOW)
    assert (done.exit_code, "2 found, 0 mended; mend with `--mend`" in done.stderr) == (1, True)
    assert command_line("sweep", *NOW, "--mend").exit_code == 0
    records = account.services.table.page(container=account.container, state="queued").records
    assert {(one.job.blob, one.job.media, one.job.media_type) for one in records} == {
        ("posed/a.jpg", "image", "posed"),
        ("b.mp4", "video", "wild"),
    }
    assert account.services.queue.length() == 2
    assert found(command_line) == []


def test_the_end_of_a_sweep_is_one_log_line_for_alerts(command_line: CommandLine, account: StorageAccount) -> None:
    account.put("a.jpg", jpeg())
    ended = []
    for mend in ((), ("--mend",)):
        done = command_line("sweep", *NOW, *mend, "--json", LOG_FORMAT="json")
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        ended += [(line["found"], line["mended"], line["left"]) for line in lines if line["event"] == "sweep.finished"]
        assert "sweep.finished" not in done.stdout
    assert ended == [(1, 0, 1), (1, 1, 0)]


def test_a_job_under_any_options_will_do_but_not_of_an_older_version(
    command_line: CommandLine, bench: Bench, account: StorageAccount
) -> None:
    first = bench.submit("a.jpg", jpeg())
    assert found(command_line) == []
    account.put("a.jpg", jpeg(shade=40))
    assert found(command_line) == [("upload without a job", "a.jpg")]
    assert first.media_type == "posed"


def test_what_is_young_is_left_alone(command_line: CommandLine, account: StorageAccount, office: Office) -> None:
    account.put("a.jpg", jpeg())
    office.submit("b.jpg")
    empty_queue(account)
    assert command_line.json("sweep", "--grace-minutes", "5", "--mend") == []
    # The watermark has not passed them by.
    assert found(command_line) == [("job without a message", "b.jpg"), ("upload without a job", "a.jpg")]


def test_a_job_without_a_message_gets_another(command_line: CommandLine, bench: Bench, account: StorageAccount) -> None:
    job = bench.submit("a.jpg", jpeg())
    assert found(command_line) == []
    empty_queue(account)
    assert found(command_line) == [("job without a message", "a.jpg")]
    assert command_line("sweep", *NOW, "--mend").exit_code == 0
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.settled()


def test_a_job_whose_worker_and_message_are_gone(
    command_line: CommandLine, bench: Bench, account: StorageAccount
) -> None:
    job = bench.submit("a.jpg", jpeg())
    empty_queue(account)
    table = account.services.table
    table.update(table.get(job.job_id).claimed("dead/1", "a" * 12, -1, now()))
    assert found(command_line, "--mend") == [("record stuck", "a.jpg")]
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.settled()


def test_a_job_that_is_held_is_not_stuck(command_line: CommandLine, bench: Bench, account: StorageAccount) -> None:
    job = bench.submit("a.jpg", jpeg())
    table = account.services.table
    table.update(table.get(job.job_id).claimed("alive/1", "a" * 12, 60, now()))
    assert found(command_line) == []


def test_a_failed_job_that_was_not_set_aside(
    command_line: CommandLine, office: Office, account: StorageAccount
) -> None:
    account.put("a.jpg", b"")
    job = replace(office.job(), etag=account.services.blobs.info(account.container, "a.jpg").etag)
    account.services.submitter.submit(job, TRACE)
    empty_queue(account)
    table = account.services.table
    running = table.update(table.get(job.job_id).claimed("dead/1", "a" * 12, 0, now()))
    table.update(running.failed(UnreadableMedia("it is empty"), now()))
    assert found(command_line, "--mend") == [("not set aside", "a.jpg")]
    assert office.texts() == [office.message(job)]
    assert found(command_line) == []


def test_leftovers_of_dead_attempts_are_deleted(
    command_line: CommandLine, bench: Bench, account: StorageAccount
) -> None:
    job = bench.submit("a.jpg", jpeg())
    with bench.worker():
        assert bench.finished(job).state == "succeeded"
        bench.settled()
    kept = bench.published()
    unfinished = bench.submit("b.jpg", jpeg())
    for each in (job, unfinished):
        publish_artefacts(account.services.blobs, bench.place(each), "0" * 12, {"schema": 1})
    stranger = AnalysisJob(account.container, "c.jpg", "0x1", "image", "posed", job.options)
    publish_artefacts(account.services.blobs, bench.place(stranger), "0" * 12, {"schema": 1})
    [leftover] = command_line.json("sweep", *NOW)
    assert (leftover["kind"], leftover["job_id"]) == ("leftover", job.job_id)
    assert command_line("sweep", *NOW, "--mend").exit_code == 0
    # Of a job that is still under way, or unknown, nothing is deleted.
    assert len(bench.published()) == len(kept) + 2
    assert set(kept) < set(bench.published())


def test_one_sweep_runs_at_a_time(command_line: CommandLine, account: StorageAccount, leases: SweepLeases) -> None:
    account.put("a.jpg", jpeg())
    lease = leases.acquire("another/1", 60)
    done = command_line("sweep", *NOW)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "another/1 is sweeping" in done.stderr
    leases.release(lease, lease.watermark)
    assert found(command_line) == [("upload without a job", "a.jpg")]
    # One that died keeps the others out for a while only.
    leases.acquire("dead/1", -1)
    assert found(command_line) == [("upload without a job", "a.jpg")]


def test_a_sweep_whose_clock_was_wrong_keeps_others_out_for_its_lease_only(
    account: StorageAccount, leases: SweepLeases
) -> None:
    service = Account.connect(account.settings).tables.get_table_client(account.settings.table_name)
    leases.acquire("ahead/1", 1)
    entity = dict(service.get_entity("sweep", "sweep"))
    service.upsert_entity({**entity, "until": now() + timedelta(days=30)})
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(Conflict):
            assert leases.acquire("next/1", 600).owner == "next/1"
            break
        time.sleep(0.2)
    else:
        pytest.fail("still held")
    # A clock that is behind ends no lease.
    service.upsert_entity({**dict(service.get_entity("sweep", "sweep")), "until": now() - timedelta(days=30)})
    with pytest.raises(Conflict):
        leases.acquire("third/1", 600)


def test_what_cannot_be_mended_is_told_and_kept_for_the_next_time(
    command_line: CommandLine, account: StorageAccount
) -> None:
    account.put("a.jpg", jpeg())
    queue = Account.connect(account.settings).queues
    queue.delete_queue(account.settings.queue_name)
    done = command_line("sweep", *NOW, "--mend")
    assert done.exit_code == 1
    assert "Error" in done.stderr
