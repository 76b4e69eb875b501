"""Results found in folders and storage: each once, with its table as published, or with the reason why not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import EngineCrashed, MediaNotFound, StorageUnavailable
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.jobs.result_place import ResultPlace
from service.results.collect.sources import CollectedResult, SkippedResult, from_files, manifests_in, of_records
from service.storage.folder import FolderBlobs
from tests.fixtures.comparable_results import face, result


def test_a_manifest_is_found_once_by_folder_and_by_table(tmp_path: Path) -> None:
    a, b = (result(tmp_path / "r" / name, "image", [face()]) for name in ("a", "b"))
    found = manifests_in([b / "t.csv", tmp_path / "r", a])
    assert found == [(b / "manifest.json").resolve(), (a / "manifest.json").resolve()]


def test_a_failed_changed_or_missing_result_is_skipped_with_its_reason(tmp_path: Path) -> None:
    failed = result(tmp_path / "failed", "image", [], outcome="failed", error={"code": "engine_crashed"})
    changed, gone, odd = (result(tmp_path / name, "image", [face()]) for name in ("changed", "gone", "odd"))
    (changed / "t.csv").write_text("face\n")
    (gone / "t.csv").unlink()
    (odd / "manifest.json").write_text("[]")
    found = {each.name: each for each in from_files(manifests_in([failed, changed, gone, odd]))}
    assert all(isinstance(each, SkippedResult) for each in found.values())
    assert found["failed"] == SkippedResult("failed", "failed", "engine_crashed")
    assert found["changed"] == SkippedResult("changed", "unreadable", "the table differs from its manifest's SHA-256")
    assert (found["gone"].problem, found["odd"].problem) == ("unreadable", "unreadable")


def test_a_manifest_names_no_table_outside_its_folder(tmp_path: Path) -> None:
    text = b"face\n"
    (tmp_path / "secret.csv").write_bytes(text)
    csv = {"name": "../secret.csv", "sha256": hashlib.sha256(text).hexdigest()}
    inside = result(tmp_path / "a", "image", [], csv=csv)
    [found] = from_files(manifests_in([inside]))
    assert isinstance(found, SkippedResult)


QUEUED = JobRecord(AnalysisJob("c", "a.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {})), "", now())
TABLE = b"face\n0\n"


def succeeded(generation: int = 0) -> JobRecord:
    record = replace(QUEUED, job=replace(QUEUED.job, generation=generation))
    return record.claimed("me", "", 60, now()).succeeded("", now())


def stored(tmp_path: Path, record: JobRecord, sha256: str = hashlib.sha256(TABLE).hexdigest()) -> FolderBlobs:
    blobs, place = FolderBlobs(tmp_path / "storage"), ResultPlace.of(record.job, "results")
    manifest = {"job": {}, "csv": {"sha256": sha256}, "generation": record.job.generation}
    blobs.upload("results", place.csv, TABLE, content_type="text/csv")
    blobs.upload("results", place.manifest(""), json.dumps(manifest).encode(), content_type="application/json")
    return blobs


def test_of_a_job_that_was_run_again_only_the_newest_success_counts(tmp_path: Path) -> None:
    newest, middle, first = (
        replace(QUEUED, job=replace(QUEUED.job, generation=2))
        .claimed("me", "a", 60, now())
        .failed(EngineCrashed(), now()),
        succeeded(1),
        succeeded(0),
    )
    stored(tmp_path, middle)
    found = [each for _, each in of_records([newest, middle, first], stored(tmp_path, first), "results", tmp_path)]
    assert found[0] == SkippedResult("c/a.jpg", "failed", "engine_crashed")
    assert len(found) == 2
    assert isinstance(found[1], CollectedResult) and found[1].manifest["generation"] == 1


def test_an_unfinished_job_is_named_and_a_cancelled_one_is_not(tmp_path: Path) -> None:
    cancelled = replace(QUEUED, job=replace(QUEUED.job, blob="b.jpg")).cancelled(now())
    found = [each for _, each in of_records([QUEUED, cancelled], FolderBlobs(tmp_path), "results", tmp_path)]
    assert found == [SkippedResult("c/a.jpg", "not finished", "queued")]


def test_a_table_that_is_not_the_published_one_is_skipped_and_removed(tmp_path: Path) -> None:
    record = succeeded()
    [(_, found)] = list(of_records([record], stored(tmp_path, record, "0" * 64), "results", tmp_path))
    assert isinstance(found, SkippedResult) and found.problem == "unreadable"
    assert not (tmp_path / "result.csv").exists()


@pytest.mark.parametrize(("error", "is_raised"), [(StorageUnavailable("away"), True), (MediaNotFound("gone"), False)])
def test_an_outage_of_storage_ends_the_collection_and_leaves_no_result_out(
    tmp_path: Path, error: Exception, is_raised: bool
) -> None:
    class Failing(FolderBlobs):
        def read(self, container: str, name: str) -> bytes:
            raise error

    record = succeeded()
    stored(tmp_path, record)
    found = of_records([record], Failing(tmp_path / "storage"), "results", tmp_path)
    if is_raised:
        with pytest.raises(StorageUnavailable):
            list(found)
    else:
        assert [each for _, each in found] == [SkippedResult("c/a.jpg", "unreadable", "gone")]
