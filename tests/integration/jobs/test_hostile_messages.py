"""Messages that are no jobs, and jobs that cannot be settled: both end in the poison queue, and workers live on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from service.errors import AnalysisError
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.poison import PoisonQueue
from service.jobs.record import JobRecord, now
from service.storage.account import Account
from service.worker.receiver import Lifetime
from tests.conftest import StorageAccount
from tests.fixtures.media_made import jpeg
from tests.integration.worker.conftest import TRACE, Bench

OPTIONS = JobOptions.resolve("image", "posed", {})


def altered(of: AnalysisJob, **changes: object) -> str:
    fields = json.loads(QueuedJob(of, TRACE).encode())
    return json.dumps({**fields, **changes})


def hostile(job: AnalysisJob) -> list[str]:
    """Texts that today's decoders are known to stumble over."""
    fields = job.as_dict()
    return [
        "[" * 2000,
        '{"a":' * 3000 + "1" + "}" * 3000,
        altered(job, job={**fields, "generation": "inf"}).replace('"inf"', "1e999"),
        altered(job, job={**fields, "options": [["faces", "many"], [1, 2]]}),
        altered(job, job={**fields, "blob": "a\ud800.jpg"}),
        altered(job, job={**fields, "etag": "x" * 40_000}),
        altered(job, job={**fields, "media": ["image"]}),
        altered(job, schema=10**300),
        "\u202e not JSON",
    ]


def test_hostile_messages_end_in_the_poison_queue_after_one_look(bench: Bench) -> None:
    first = bench.submit("first.jpg", jpeg())
    queue = bench.account.services.queue
    texts = hostile(first)
    for text in texts:
        queue.send(text)
    last = bench.submit("last.jpg", jpeg(shade=90))
    with bench.worker() as (_, codes):
        assert bench.finished(first).state == "succeeded"
        assert bench.finished(last).state == "succeeded"
        bench.settled()
        assert codes == []
    assert sorted(queue.poisoned()) == sorted(texts)
    poison = PoisonQueue(queue, bench.account.services.table, bench.account.services.submitter)
    assert sorted(one.message.text for one in poison.look()) == sorted(texts)
    assert all(one.no_job_because for one in poison.look())


def test_a_traceparent_of_40_000_characters_does_not_keep_a_job_from_being_done(bench: Bench) -> None:
    etag = bench.account.put("a.jpg", jpeg())
    job = AnalysisJob(bench.account.container, "a.jpg", etag, "image", "posed", OPTIONS)
    bench.account.services.queue.send(altered(job, traceparent="x" * 40_000))
    with bench.worker():
        bench.until(lambda: len(bench.csvs()) == 1)
        bench.settled()
    assert bench.record(job).state == "succeeded"


def test_a_job_made_from_a_message_alone_is_listed(bench: Bench) -> None:
    etag = bench.account.put("a.jpg", jpeg())
    job = AnalysisJob(bench.account.container, "a.jpg", etag, "image", "posed", OPTIONS)
    bench.account.services.queue.send(QueuedJob(job, TRACE).encode())
    with bench.worker():
        bench.until(lambda: len(bench.csvs()) == 1)
        bench.settled()
    listed = bench.account.services.table.page(container=bench.account.container, state=None).records
    assert [record.job.job_id for record in listed] == [job.job_id]


class UnwritableEnd(JobTable):
    """A table that refuses every end of a job, as storage refuses a value that it cannot take."""

    def update(self, record: JobRecord) -> JobRecord:
        if record.is_finished:
            raise ValueError("a fault while settling")
        return super().update(record)


def test_a_job_that_cannot_be_settled_goes_to_poison_after_all_attempts(bench: Bench) -> None:
    settings = bench.account.settings
    table = UnwritableEnd(Account.connect(settings).tables, settings.table_name)
    with bench.worker(lease_s=3, max_attempts=2) as (worker, codes):
        worker.context = replace(worker.context, table=table)
        job = bench.submit("a.jpg", jpeg())
        bench.until(lambda: bench.account.services.queue.poison_length() == 1, 60)
        bench.settled()
        assert codes == []
    [text] = bench.account.services.queue.poisoned()
    assert QueuedJob.decode(text).job == job


@pytest.mark.parametrize("days", [30, -30])
def test_a_dead_worker_with_a_wrong_clock_keeps_its_job_for_its_lease_only(bench: Bench, days: int) -> None:
    job = bench.submit("a.jpg", jpeg())
    table = bench.account.services.table
    table.update(table.get(job.job_id).claimed("elsewhere/1", "a" * 12, 3, now() + timedelta(days=days)))
    with bench.worker(lease_s=3):
        assert bench.finished(job, 20).state == "succeeded"
        bench.settled()


def test_a_living_worker_with_a_clock_behind_keeps_its_job(bench: Bench) -> None:
    job = bench.submit("a.jpg", jpeg())
    table = bench.account.services.table
    held = table.update(table.get(job.job_id).claimed("elsewhere/1", "a" * 12, 60, now() - timedelta(days=1)))
    with bench.worker(lifetime=Lifetime(until_idle_s=2), lease_s=60) as (_, codes):
        bench.until(lambda: bool(codes), 30)
    assert table.get(job.job_id).version == held.version


def test_storage_answers_that_will_not_change_end_a_job(bench: Bench, account: StorageAccount) -> None:
    job = bench.submit("a.jpg", jpeg())
    blob = Account.connect(account.settings).blobs.get_blob_client(job.container, job.blob)
    blob.set_standard_blob_tier("Archive")
    with pytest.raises(AnalysisError) as caught:
        account.services.blobs.read(job.container, job.blob)
    assert caught.value.code == "media_archived"
    with bench.worker():
        ended = bench.finished(job)
        bench.settled()
    assert (ended.state, ended.error_code, ended.attempts) == ("failed", "media_archived", 1)


def test_a_poison_message_that_was_sent_twice_is_shown_and_replayed_once(bench: Bench) -> None:
    services = bench.account.services
    job = bench.submit("a.jpg", b"no picture")
    with bench.worker():
        assert bench.finished(job).state == "failed"
        bench.settled()
    [text] = services.queue.poisoned()
    services.queue.send_to_poison(text)
    poison = PoisonQueue(services.queue, services.table, services.submitter)
    [one] = poison.look()
    assert (one.job_id, len(one.copies), one.as_dict()["attempts"]) == (job.job_id, 1, 1)
    [done] = poison.replay([one])
    assert done.record is not None and done.record.job.generation == 1
    assert services.queue.poison_length() == 0
    assert services.queue.length() == 1
