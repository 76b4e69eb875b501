"""What sweeps keep up with: lost lists, other deployments' results, retention, and cursors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.errors import NotFound
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.names import is_result
from service.jobs.options import JobOptions
from service.jobs.purge import Purge, Scope
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.jobs.sweep import leftovers, retention
from service.jobs.sweep.finding import Finding
from service.jobs.sweep.lease import SweepLeases
from service.jobs.sweep.sweep import sweep
from service.jobs.table_rows import of_container, partition, place_of, row_of_record
from service.storage.account import Account
from tests.conftest import StorageAccount
from tests.integration.worker.conftest import TRACE

pytestmark = pytest.mark.xdist_group("swept")

OPTIONS = JobOptions.resolve("image", "wild", {})


@pytest.fixture
def account(swept_account: StorageAccount) -> StorageAccount:
    return swept_account


def swept(account: StorageAccount, *, mend: bool = False, prefix: str = "", **settings: object) -> list[Finding]:
    backend = JobBackend.connect(account.settings.model_copy(update=settings))
    leases = SweepLeases(backend.account.tables, backend.settings.table_name)
    return list(sweep(backend, leases, "me/1", grace=timedelta(0), mend=mend, prefix=prefix))


def finished(account: StorageAccount, blob: str = "a.jpg", days_ago: float = 0) -> JobRecord:
    """A succeeded job with its table, submitted and ended some days ago."""
    own = account.services
    then = now() - timedelta(days=days_ago)
    job = AnalysisJob(account.container, blob, account.put(blob, b"x"), "image", "wild", OPTIONS)
    made = own.table.create(JobRecord(job=job, traceparent=TRACE, created=then))
    own.table.index(made)
    claimed = own.table.update(made.claimed("me", "a" * 12, 60, then))
    place = ResultPlace.of(job, account.settings.results_container)
    own.blobs.upload(place.container, place.csv, b"csv", content_type="text/csv", metadata={"attempt": "a" * 12})
    own.blobs.upload(place.container, place.manifest("a" * 12), b"{}", content_type="application/json")
    return own.table.update(claimed.succeeded("a" * 12, then))


def test_an_upload_whose_job_lost_its_lists_is_mended_once(account: StorageAccount) -> None:
    done = finished(account)
    row = row_of_record(done)
    account.services.table.unlist(place_of(done), row)
    [found] = swept(account, mend=True)
    assert (found.kind, found.mended) == ("upload without a job", f"job {done.job.job_id} listed again")
    assert swept(account, mend=True) == []
    assert partition(of_container("x"), row).startswith("in-x,")


def test_results_of_another_deployment_and_of_an_earlier_setting_are_no_uploads(account: StorageAccount) -> None:
    done = finished(account)
    overlay = ResultPlace.of(done.job, account.settings.results_container).artefact("a" * 12, "overlay.jpg")
    account.services.blobs.upload(account.settings.results_container, overlay, b"x", content_type="image/jpeg")
    moved: dict[str, Any] = {"results_container": "moved-results"}
    account.services.blobs.ensure_container("moved-results")
    assert swept(account, **moved) == []
    # Not marked, as releases before this one left it: the artefact is known by its name.
    service = Account.connect(account.settings).blobs
    service.get_container_client(account.settings.results_container).set_container_metadata({})
    assert swept(account, **moved) == []
    assert is_result("any", overlay, "moved-results")
    assert not is_result("any", "a/b/c.jpg", "moved-results")


def test_only_containers_with_a_prefix_are_swept(account: StorageAccount) -> None:
    account.put("a.jpg", b"x")
    assert swept(account, prefix="other-") == []
    assert [one.blob for one in swept(account, prefix=account.container[:6])] == ["a.jpg"]


def test_records_are_kept_for_ever_by_default(account: StorageAccount) -> None:
    finished(account, days_ago=3650)
    assert swept(account, mend=True) == []


def test_an_old_record_is_removed_and_its_tombstone_stays_while_the_upload_does(account: StorageAccount) -> None:
    old, young = finished(account, "old.jpg", days_ago=40), finished(account, "young.jpg", days_ago=20)
    found = swept(account, mend=True, record_retention_days=30)
    assert [(one.kind, one.job_id, one.mended) for one in found] == [
        ("expired record", old.job.job_id, "removed; a tombstone stays")
    ]
    table, own = account.services.table, account.services
    with pytest.raises(NotFound):
        table.get(old.job.job_id)
    assert table.get(young.job.job_id).state == "succeeded"
    listed = table.records(container=account.container)
    assert [record.job.job_id for record in listed] == [young.job.job_id]
    # A repeated event starts nothing again.
    again = own.submitter.submit(old.job, TRACE)
    assert again.state == "succeeded"
    assert own.queue.length() == 0
    assert list(table.state_index.open_rows()) == []
    # Nor does a sweep that takes the upload for a lost one.
    assert "before its record was removed" in " ".join(one.mended for one in swept(account, mend=True))
    assert own.queue.length() == 0
    assert list(table.state_index.open_rows()) == []


def test_a_tombstone_goes_with_upload_and_table(account: StorageAccount) -> None:
    old = finished(account, days_ago=40)
    swept(account, mend=True, record_retention_days=30)
    place, blobs = ResultPlace.of(old.job, account.settings.results_container), account.services.blobs
    blobs.delete(account.container, "a.jpg", old.job.etag)
    assert swept(account, mend=True, record_retention_days=30) == []
    blobs.delete(place.container, place.csv, blobs.info(place.container, place.csv).etag)
    [gone] = swept(account, mend=True, record_retention_days=30)
    assert (gone.kind, gone.mended) == ("expired tombstone", "removed")
    assert swept(account, mend=True, record_retention_days=30) == []


def test_the_place_of_an_upload_is_forgotten_when_its_blobs_are_gone(
    account: StorageAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    places, blobs, digests = (
        account.services.table.upload_places,
        account.services.blobs,
        ["a" * 64, "b" * 64, "c" * 64],
    )
    owner = account.container
    containers = [places.choose(owner, digest, "20261231") for digest in digests]
    blobs.ensure_container(containers[0])
    account.put(f"{digests[0]}/photo.jpg", b"x", containers[0])
    assert swept(account, mend=True, prefix="none-", record_retention_days=30) == []
    # As in a month: the rows' times are storage's own.
    monkeypatch.setattr(retention, "now", lambda: now() + timedelta(days=31))
    found = swept(account, mend=True, prefix="none-", record_retention_days=30)
    assert {(one.kind, one.blob, one.mended) for one in found} == {
        ("expired upload place", f"{digest}/", "removed") for digest in digests[1:]
    }
    assert [places.find(owner, digest) for digest in digests] == [containers[0], None, None]


def test_a_record_without_upload_and_table_is_removed_whole(account: StorageAccount) -> None:
    old = finished(account, days_ago=40)
    place, blobs = ResultPlace.of(old.job, account.settings.results_container), account.services.blobs
    blobs.delete(account.container, "a.jpg", old.job.etag)
    blobs.delete(place.container, place.csv, blobs.info(place.container, place.csv).etag)
    [found] = swept(account, mend=True, record_retention_days=30)
    assert found.mended == "removed"
    assert account.services.table.state_index.tombstones("", 10)[0] == []


def test_leftovers_are_looked_for_a_part_at_a_time(account: StorageAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.storage import azure_blobs

    monkeypatch.setattr(azure_blobs, "PAGE_SIZE", 2)
    monkeypatch.setattr(leftovers, "BLOBS_A_RUN", 2)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        done = finished(account, name)
        place = ResultPlace.of(done.job, account.settings.results_container)
        dead = place.artefact("0" * 12, "manifest.json")
        account.services.blobs.upload(place.container, dead, b"{}", content_type="application/json")
    runs = [[one.blob.split("/")[1] for one in swept(account, mend=True)] for _ in range(6)]
    assert sorted(name for run in runs for name in run) == ["a.jpg", "b.jpg", "c.jpg"]
    assert all(len(run) <= 2 for run in runs)


def test_a_rerun_of_a_lost_generation_is_found_by_its_open_row(account: StorageAccount) -> None:
    done = finished(account)
    again = replace(done.job, generation=1)
    own = account.services
    # As if the process had died after the record: neither lists nor message.
    fresh = JobRecord(job=again, traceparent=TRACE, created=now())
    own.table.state_index.open([fresh])
    own.table.create(fresh)
    [found] = swept(account, mend=True)
    assert (found.kind, found.job_id) == ("job without a message", again.job_id)
    assert own.queue.length() == 1


def test_a_purge_leaves_no_word_of_a_repeated_submission_that_died(account: StorageAccount) -> None:
    done = finished(account, "somebody.jpg", days_ago=1)
    own = account.services
    own.table.state_index.open([replace(done, created=now())])
    purge = Purge(own.blobs, own.queue, own.table, account.settings.results_container, lambda jobs: 0)
    purge.run(Scope(account.container), uploads=True, wait_s=0)
    assert "somebody" not in str(list(own.table._table.list_entities()))


def test_a_purge_leaves_no_word_of_a_removed_job(account: StorageAccount) -> None:
    finished(account, "somebody.jpg", days_ago=40)
    swept(account, mend=True, record_retention_days=30)
    own = account.services
    purge = Purge(own.blobs, own.queue, own.table, account.settings.results_container, lambda jobs: 0)
    purge.run(Scope(account.container), uploads=True, wait_s=0)
    assert "somebody" not in str(list(own.table._table.list_entities()))
