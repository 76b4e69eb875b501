"""Search by text: by an index where a name begins with it, else by a bounded look through all jobs; nothing twice."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from service.jobs import job_table
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.table_rows import row_of_record
from tests.conftest import StorageAccount
from tests.integration.jobs.test_state_index import another_process, counted

OPTIONS = JobOptions.resolve("image", "wild", {})


def put(account: StorageAccount, *places: str) -> list[JobRecord]:
    """Jobs of these places, each a second younger than the one before."""
    table, records = account.services.table, []
    for number, place in enumerate(places):
        container, _, blob = place.partition("/")
        job = AnalysisJob(container, blob, "0x1", "image", "wild", OPTIONS)
        records.append(table.create(JobRecord(job=job, traceparent="", created=now() + timedelta(seconds=number))))
    table.index(*records)
    return records


def found(account: StorageAccount, text: str, size: int = 50, **which: str | None) -> list[str]:
    """Places of all pages."""
    places, cursor = [], ""
    while True:
        wanted = {"container": None, "state": None, **which}
        page = account.services.table.page(**wanted, text=text, cursor=cursor, size=size)
        places += [f"{record.job.container}/{record.job.blob}" for record in page.records]
        cursor = page.cursor
        if not cursor:
            return places


PLACES = [
    "study-a/ann 2.jpg",
    "study-a/sub/ANN 1.jpg",
    "ann-box/other.jpg",
    "ann-box/ann 3.jpg",
    "study-a/joann.jpg",
    "study-a/ann/last.jpg",
    "study-a/it's #1?.jpg",
    "study-a/\N{GRINNING FACE} 100%.jpg",
]
ANN = ["study-a/sub/ANN 1.jpg", "study-a/ann 2.jpg", "ann-box/ann 3.jpg", "ann-box/other.jpg"]
ANN += ["study-a/ann/last.jpg", "study-a/joann.jpg"]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_names_come_first_then_containers_then_the_rest_and_none_twice(account: StorageAccount, size: int) -> None:
    put(account, *PLACES)
    assert found(account, "Ann", size) == ANN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it's #1?", [PLACES[6]]),
        ("\N{GRINNING FACE} 100%", [PLACES[7]]),
        ("#1?", [PLACES[6]]),
        ("a/ann", [PLACES[5], PLACES[0]]),
        ("study-a/ann 2", [PLACES[0]]),
        ("j", [PLACES[4], *reversed([place for place in PLACES if place != PLACES[4]])]),
        ("nothing", []),
    ],
)
def test_any_text_is_found(account: StorageAccount, text: str, expected: list[str]) -> None:
    put(account, *PLACES)
    assert found(account, text, 3) == expected


def test_a_search_within_a_state_and_within_a_container(account: StorageAccount) -> None:
    records = put(account, *PLACES)
    account.services.table.update(records[0].cancelled(now()))
    assert found(account, "ann", state="cancelled") == [PLACES[0]]
    assert found(account, "ann", container="ann-box") == [PLACES[3], PLACES[2]]


def test_a_name_among_many_takes_one_request_and_its_record(
    account: StorageAccount, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(account, *(f"many/img_{number:04d}.jpg" for number in range(120)), "many/zoe.jpg")
    table = account.services.table
    assert table.text_index.mark.is_complete()
    with counted(caplog) as requests:
        page = table.page(container=None, state=None, text="img_0", size=50)
    assert len(page.records) == 50
    assert requests == [1 + 50]
    # What no name begins with is looked for among a limited number of rows a page.
    monkeypatch.setattr(job_table, "SCANNED_AT_ONCE", 30)
    with counted(caplog) as requests:
        assert table.page(container=None, state=None, text="_0000", size=50).records == []
    # One for names, one for containers, one for each state's list.
    assert requests[0] <= 7
    assert found(account, "_0000") == ["many/img_0000.jpg"]


def test_a_purged_job_is_not_found(account: StorageAccount) -> None:
    [record] = put(account, "box/gone.jpg")
    table = account.services.table
    done = table.update(record.cancelled(now()))
    table.purge(table.get(done.job.job_id))
    assert found(account, "gone") == []
    assert list(table.text_index.beginning_with("gone", "", 10)) == []


def test_records_of_earlier_releases_are_searched_by_their_places_until_they_are_indexed(
    account: StorageAccount,
) -> None:
    records = put(account, *PLACES)
    table = account.services.table
    for record in records:
        table.text_index.remove(f"{record.job.container}/{record.job.blob}", row_of_record(record))
    table.text_index.mark._write("", done=False)
    late = dataclasses.replace(account, services=dataclasses.replace(account.services, table=another_process(account)))
    assert sorted(found(late, "ann")) == sorted(ANN)
    index = late.services.table.text_index
    assert sum(index.mark.backfill(index.put)) == len(PLACES)
    assert found(late, "ann") == ANN
