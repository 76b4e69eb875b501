"""Tidy tables that are stored: found while format and annotations are current; making one is in `test_main`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import NotFound
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.results.annotations import NO_ANNOTATIONS, Stretch, write_annotations
from service.results.tidy.store import FILE, FORMAT, FORMAT_KEY, TidyStore
from service.storage.blob_store import BlobInfo
from tests.fixtures.kept_blobs import KeptBlobs

JOB = AnalysisJob("c", "v.mp4", "e", "video", "wild", JobOptions.resolve("video", "wild", {}))
PLACE = ResultPlace("results", "c/v.mp4/0123/", "v")


@pytest.fixture
def blobs(tmp_path: Path) -> KeptBlobs:
    return KeptBlobs(tmp_path / "storage")


def stored(blobs: KeptBlobs, version: str = FORMAT) -> BlobInfo:
    """The table of a result whose tidy one is stored; its manifest is not, so that none can be made."""
    blobs.upload("results", PLACE.csv, b"", content_type="", metadata={"attempt": "a1"})
    name = PLACE.artefact("a1", FILE)
    blobs.upload("results", name, b"PAR1", content_type="", metadata={FORMAT_KEY: version})
    return blobs.info("results", PLACE.csv)


def test_a_current_table_is_found(blobs: KeptBlobs, tmp_path: Path) -> None:
    assert TidyStore(blobs, tmp_path).find(JOB, PLACE, stored(blobs)).name == PLACE.artefact("a1", FILE)


def test_a_table_of_another_format_is_made_anew(blobs: KeptBlobs, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="manifest"):
        TidyStore(blobs, tmp_path).find(JOB, PLACE, stored(blobs, "0"))


def test_changed_annotations_make_another_table(blobs: KeptBlobs, tmp_path: Path) -> None:
    csv = stored(blobs)
    made = NO_ANNOTATIONS.replaced([Stretch(start_s=1, end_s=2)], "lab", datetime(2026, 1, 2, tzinfo=UTC))
    write_annotations(blobs, PLACE, made)
    with pytest.raises(NotFound, match="manifest"):
        TidyStore(blobs, tmp_path).find(JOB, PLACE, csv)
    stored(blobs, f"{FORMAT} {made.digest}")
    assert TidyStore(blobs, tmp_path).find(JOB, PLACE, csv)
