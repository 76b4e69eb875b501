"""Downloads of a result: the tidy table follows the annotations, the archive holds the single downloads' bytes."""

from __future__ import annotations

import io
import zipfile

import pyarrow.parquet as parquet
import pytest
from flask.testing import FlaskClient

from service.engine.aligned_crops import ALIGNED
from service.results.overlay import NAMES
from tests.conftest import StorageAccount
from tests.fixtures.results_made import RATE
from tests.integration.web.conftest import make_job
from tests.integration.web.test_annotations import FRAMES, analysed

SINGLE = {
    "result.csv",
    "result.parquet",
    "manifest.json",
    "annotations.json",
    "report.html",
    "summary.json",
    "methods.txt",
    "citation.bib",
}


def test_the_archive_holds_the_bytes_of_the_single_downloads(client: FlaskClient, account: StorageAccount) -> None:
    job, place, table = analysed(account)
    own = account.services
    own.blobs.upload(place.container, place.artefact("a1", NAMES["video"]), b"\0drawn" * 999, content_type="video/mp4")
    at = f"/jobs/{job.job_id}"
    answer = client.get(client.get(at).json["links"]["archive"])
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"].endswith("clip.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == SINGLE | {NAMES["video"]}
        assert archive.read("result.csv") == table
        assert archive.read(NAMES["video"]) == client.get(f"{at}/overlay").data == b"\0drawn" * 999
        for name in SINGLE - {"annotations.json"}:
            assert archive.read(name) == client.get(f"{at}/{name}").data, name
        assert archive.read("annotations.json") == client.get(f"{at}/annotations").data


def test_aligned_crops_are_downloaded_where_a_job_has_them(client: FlaskClient, account: StorageAccount) -> None:
    job, place, _ = analysed(account)
    at = f"/jobs/{job.job_id}/aligned"
    without = client.get(at)
    assert (without.status_code, without.json["code"]) == (404, "no_aligned")
    account.services.blobs.upload(
        place.container, place.artefact("a1", ALIGNED), b"PK crops" * 99, content_type="application/zip"
    )
    answer = client.get(at)
    assert (answer.status_code, answer.content_type, answer.data) == (200, "application/zip", b"PK crops" * 99)


def test_the_tidy_table_has_every_row_and_follows_the_annotations(client: FlaskClient, account: StorageAccount) -> None:
    job, _, text = analysed(account)
    at = f"/jobs/{job.job_id}"

    def tidy() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = parquet.read_table(
            io.BytesIO(client.get(f"{at}/result.parquet").data)
        ).to_pylist()
        return rows

    rows = tidy()
    lines = [line.split(",") for line in text.decode().splitlines()]
    head = [name.strip() for name in lines[0]]
    assert len(rows) == len(lines) - 1 == FRAMES
    for name in ("frame", "timestamp", "AU12_r", "x_30"):
        assert [row[name] for row in rows] == [float(line[head.index(name)]) for line in lines[1:]]
    assert all(row["good"] and not row["excluded"] for row in rows)
    client.put(f"{at}/annotations", json={"excluded": [{"start_s": 59 / RATE, "end_s": 69 / RATE}]})
    assert [row["frame"] for row in tidy() if row["excluded"]] == list(range(60, 70))


def test_the_report_leads_back_to_the_job(client: FlaskClient, account: StorageAccount) -> None:
    job, _, _ = analysed(account)
    page = client.get(f"/jobs/{job.job_id}/report.html").text
    assert f'href="/page/jobs/{job.job_id}"' in page
    assert f'href="/page/jobs/{job.job_id}#downloads"' in page


@pytest.mark.parametrize("name", ["result.parquet", "files.zip"])
def test_only_readable_results_can_be_downloaded(client: FlaskClient, account: StorageAccount, name: str) -> None:
    queued = make_job(account, "queued.mp4")
    answer = client.get(f"/jobs/{queued.job.job_id}/{name}")
    assert (answer.status_code, answer.json["code"]) == (409, "not_published")
    job, place, _ = analysed(account)
    account.services.blobs.upload(
        place.container, place.csv, b"face,confidence\n0,what\n", content_type="text/csv", metadata={"attempt": "a1"}
    )
    answer = client.get(f"/jobs/{job.job_id}/{name}")
    assert (answer.status_code, answer.json["code"]) == (409, "report_failed")
