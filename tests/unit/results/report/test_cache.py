"""Reports that are stored, or asked for from a worker: current ones only, asked for once, failures told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.errors import Busy, NotFound, ReportFailed
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import now
from service.jobs.result_place import ResultPlace
from service.results.annotations import NO_ANNOTATIONS, Stretch, write_annotations
from service.results.report import cache
from service.results.report.cache import FAILURE, FAILURE_COUNTS, FORMAT_KEY, ReportCache
from service.results.report.files import FILES, FORMAT, REPORT, SUMMARY
from service.storage.blob_store import BlobInfo
from tests.fixtures.kept_blobs import KeptBlobs

JOB = AnalysisJob("c", "a.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {}))
PLACE = ResultPlace("results", "c/a.jpg/0123/", "a")


@pytest.fixture
def blobs(tmp_path: Path) -> KeptBlobs:
    return KeptBlobs(tmp_path / "storage")


@pytest.fixture
def csv(blobs: KeptBlobs) -> BlobInfo:
    blobs.upload("results", PLACE.csv, b"face\n", content_type="text/csv", metadata={"attempt": "a1"})
    return blobs.info("results", PLACE.csv)


def store(blobs: KeptBlobs, version: str = FORMAT, names: list[str] | None = None) -> None:
    for name in names or FILES:
        blobs.upload(
            "results", PLACE.artefact("a1", name), name.encode(), content_type="", metadata={FORMAT_KEY: version}
        )


class WorkerStandIn:
    """Job ids that a worker was asked for; it makes the report where it can."""

    def __init__(self, blobs: KeptBlobs, version: str = FORMAT) -> None:
        self.ids: list[str] = []
        self._blobs, self._version = blobs, version

    def __call__(self, job_id: str) -> None:
        self.ids.append(job_id)
        if self._version:
            store(self._blobs, self._version)


def test_a_stored_report_is_found_file_by_file(blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path) -> None:
    store(blobs)
    reports = ReportCache(blobs, tmp_path)
    assert [reports.find(JOB, PLACE, csv, name).name for name in (REPORT, SUMMARY)] == [
        PLACE.artefact("a1", REPORT),
        PLACE.artefact("a1", SUMMARY),
    ]


def test_a_worker_is_asked_and_awaited(blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path) -> None:
    asked = WorkerStandIn(blobs)
    assert ReportCache(blobs, tmp_path, asked).find(JOB, PLACE, csv, REPORT).name == PLACE.artefact("a1", REPORT)
    assert asked.ids == [JOB.job_id]


@pytest.mark.parametrize("older", ["0", f"{FORMAT} 0123456789abcdef"])
def test_a_report_of_another_version_or_of_other_annotations_is_made_anew(
    blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path, older: str
) -> None:
    store(blobs, older)
    asked = WorkerStandIn(blobs)
    ReportCache(blobs, tmp_path, asked).find(JOB, PLACE, csv, REPORT)
    assert asked.ids == [JOB.job_id]


def test_annotations_make_another_report(blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path) -> None:
    made = NO_ANNOTATIONS.replaced([Stretch(start_s=1, end_s=2)], "lab", datetime(2026, 1, 2, tzinfo=UTC))
    store(blobs)
    write_annotations(blobs, PLACE, made)
    asked = WorkerStandIn(blobs, f"{FORMAT} {made.digest}")
    ReportCache(blobs, tmp_path, asked).find(JOB, PLACE, csv, REPORT)
    assert asked.ids == [JOB.job_id]


def test_files_without_their_page_are_no_report(blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path) -> None:
    store(blobs, names=[name for name in FILES if name != REPORT])
    asked = WorkerStandIn(blobs)
    ReportCache(blobs, tmp_path, asked).find(JOB, PLACE, csv, SUMMARY)
    assert asked.ids == [JOB.job_id]


def test_callers_who_repeat_their_request_ask_a_worker_once(
    blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORKER_WAIT_S", 0.0)
    monkeypatch.setattr(cache, "LOOK_S", 0.0)
    asked = WorkerStandIn(blobs, "")
    reports = ReportCache(blobs, tmp_path, asked)
    for _ in range(3):
        with pytest.raises(Busy):
            reports.find(JOB, PLACE, csv, REPORT)
    assert asked.ids == [JOB.job_id]


def test_a_workers_failure_is_told_as_long_as_it_is_fresh(
    blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORKER_WAIT_S", 0.0)
    reports = ReportCache(blobs, tmp_path, WorkerStandIn(blobs, ""))
    reports.note_failure(PLACE, csv, ReportFailed("the table is torn"))
    with pytest.raises(ReportFailed, match="the table is torn"):
        reports.find(JOB, PLACE, csv, REPORT)
    blobs.written[PLACE.artefact("a1", FAILURE)] = now() - FAILURE_COUNTS - timedelta(seconds=1)
    with pytest.raises(Busy):
        reports.find(JOB, PLACE, csv, REPORT)


def test_a_report_shows_no_gallery_and_says_why_there_is_no_picture(
    blobs: KeptBlobs, csv: BlobInfo, tmp_path: Path
) -> None:
    reports = ReportCache(blobs, tmp_path)
    with pytest.raises(NotFound) as missing:
        reports._manifest(PLACE, "a1")
    assert missing.value.code == "no_manifest"
    manifest = {"job": {"options": {"gallery": "anna", "au": "static"}}}
    blobs.upload("results", PLACE.manifest("a1"), json.dumps(manifest).encode(), content_type="")
    assert reports._manifest(PLACE, "a1") == {"job": {"options": {"au": "static"}}}
    assert reports._upload(JOB, tmp_path) == (None, cache.GONE)
    blobs.upload("c", "a.jpg", b"other", content_type="")
    assert reports._upload(JOB, tmp_path) == (None, cache.CHANGED)
