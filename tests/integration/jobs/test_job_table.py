"""Job records: one create, conditional updates, lists newest first."""

from __future__ import annotations

import base64
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, TableServiceClient, generate_account_sas

from infra.local.azurite import ACCOUNT, ACCOUNT_KEY
from service.errors import BadRequest, NotFound, RecordChanged, StorageUnavailable
from service.jobs import job_table
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from tests.conftest import StorageAccount

OPTIONS = JobOptions.resolve("image", "wild", {})


def _record(container: str, number: int = 0) -> JobRecord:
    job = AnalysisJob(container, f"ü {number}.jpg", "0x1", "image", "wild", OPTIONS)
    return JobRecord(job=job, traceparent="00-a-b-01", created=now() + timedelta(seconds=number))


def test_a_record_comes_back_as_it_was(account: StorageAccount) -> None:
    table = account.services.table
    made = table.create(_record("abc"))
    claimed = table.update(made.claimed("me", "a1", 60, now()))
    assert table.get(made.job.job_id) == claimed
    assert claimed.lease_until is not None


def test_created_once_whoever_asks(account: StorageAccount) -> None:
    record = _record("abc")
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: account.services.table.create(record), range(8)))
    assert len({one.version for one in got}) == 1


def test_a_claim_has_one_winner(account: StorageAccount) -> None:
    table = account.services.table
    record = table.create(_record("abc"))

    def claim(number: int) -> bool:
        try:
            table.update(record.claimed(f"worker-{number}", "a", 60, now()))
        except RecordChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_a_table_that_is_there_needs_no_right_to_create_tables(account: StorageAccount) -> None:
    tables = account.services.account.tables
    reads = generate_account_sas(
        AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
        ResourceTypes(object=True, container=True),
        AccountSasPermissions(read=True),
        now() + timedelta(minutes=5),
    )
    with TableServiceClient(tables.url, credential=AzureSasCredential(reads), retry_total=0) as reader:
        job_table.JobTable(reader, account.settings.table_name).ensure()
        with pytest.raises(StorageUnavailable, match="creating the job table"):
            job_table.JobTable(reader, f"{account.settings.table_name}x").ensure()


def test_an_unknown_job_is_told(account: StorageAccount) -> None:
    with pytest.raises(NotFound, match="there is no job"):
        account.services.table.get("0" * 32)


def test_lists_are_newest_first_and_go_on_by_cursor(account: StorageAccount) -> None:
    table = account.services.table
    for number in range(5):
        table.index(table.create(_record("abc", number)))
    table.index(table.create(_record("abc-other", 9)))
    names: list[str] = []
    cursor = ""
    while True:
        page = table.page(container="abc", state=None, cursor=cursor, size=2)
        names += [record.job.blob for record in page.records]
        cursor = page.cursor
        if not cursor:
            break
    assert names == [f"ü {number}.jpg" for number in (4, 3, 2, 1, 0)]
    everything = table.page(container=None, state=None).records
    assert [record.job.container for record in everything] == ["abc-other"] + ["abc"] * 5


def test_jobs_are_listed_by_state(account: StorageAccount) -> None:
    table = account.services.table
    records = [table.create(_record("abc", number)) for number in range(3)]
    for record in records:
        table.index(record)
    table.update(dataclasses.replace(records[1].cancelled(now())))
    assert [one.job.blob for one in table.page(container="abc", state="cancelled").records] == ["ü 1.jpg"]
    assert len(table.page(container="abc", state="queued").records) == 2


def _listed(account: StorageAccount, text: str, size: int = 50, **which: str | None) -> list[str]:
    """Blobs of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        wanted: dict[str, Any] = {"container": None, "state": None, **which}
        page = account.services.table.page(**wanted, text=text, cursor=cursor, size=size)
        found += [record.job.blob for record in page.records]
        cursor = page.cursor
        if not cursor:
            return found


def test_lists_by_a_part_of_a_name(account: StorageAccount) -> None:
    table = account.services.table
    names = ["Anna/Take 1.MP4", "anna/take 2.mp4", "Ü.jpg", "other.jpg", "A\u0308rger.png"]
    for number, name in enumerate(names):
        job = AnalysisJob("abc", name, "0x1", "image", "wild", OPTIONS)
        table.index(table.create(dataclasses.replace(_record("abc", number), job=job)))
    table.index(table.create(_record("anna-s-box", 9)))
    assert _listed(account, "ANNA") == ["ü 9.jpg", names[1], names[0]]
    assert _listed(account, "take", container="abc") == [names[1], names[0]]
    # Of two spellings of a letter with a mark, either finds the other.
    assert _listed(account, "\u00e4RGER") == [names[4]]
    assert _listed(account, "u\u0308", container="abc") == ["Ü.jpg"]
    assert _listed(account, "nowhere") == []


def test_a_search_goes_on_where_a_page_ends(account: StorageAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    table = account.services.table
    for number in range(12):
        table.index(table.create(_record("abc", number)))
    # Names that begin with the text come by name.
    wanted = [f"ü {number}.jpg" for number in (1, 10, 11)]
    assert _listed(account, "ü 1", size=1) == wanted
    # A page looks at many jobs at most, and may then be empty although more follow.
    monkeypatch.setattr(job_table, "SCANNED_AT_ONCE", 4)
    assert _listed(account, "ü 1") == wanted
    assert table.page(container=None, state=None, text=" 0.").records == []
    assert _listed(account, " 0.") == ["ü 0.jpg"]


def test_indexing_twice_lists_once(account: StorageAccount) -> None:
    table = account.services.table
    record = table.create(_record("abc"))
    table.index(record)
    table.index(table.get(record.job.job_id))
    assert len(table.page(container="abc", state=None).records) == 1


NESTED = base64.urlsafe_b64encode(b"[" * 1450).decode()
"""As long as a query's cursor may be; Python's decoder of JSON does not get to its end."""


@pytest.mark.parametrize("cursor", ["x", "e30=", "bnVsbA==", "eyJhZnRlciI6IDF9", "eyJhZnRlciI6ICIxIn0=", "💥", NESTED])
def test_a_made_up_cursor_is_refused(account: StorageAccount, cursor: str) -> None:
    with pytest.raises(BadRequest):
        account.services.table.page(container=None, state=None, cursor=cursor)
