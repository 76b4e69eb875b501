"""Publishing: artefacts first, the table last; the first attempt that commits owns the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import StorageUnavailable
from service.jobs.result_place import ResultPlace
from service.results.publish import Artefact, commit, publish_artefacts, published_attempt
from service.storage.blob_store import BlobInfo
from tests.fixtures.kept_blobs import KeptBlobs

PLACE = ResultPlace("results", "c/a.jpg/0123/", "a")


@pytest.fixture
def blobs(tmp_path: Path) -> KeptBlobs:
    return KeptBlobs(tmp_path / "storage")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(b"face\n0\n")
    return path


def test_the_manifest_comes_after_the_files_that_it_names(blobs: KeptBlobs) -> None:
    overlay = Artefact("overlay.jpg", b"x", "image/jpeg")
    publish_artefacts(blobs, PLACE, "a1", {"name": "é"}, [overlay])
    assert blobs.order == ["c/a.jpg/0123/a1/overlay.jpg", "c/a.jpg/0123/a1/manifest.json"]
    assert "é".encode() in blobs.read("results", "c/a.jpg/0123/a1/manifest.json")


def test_a_manifest_with_a_number_that_json_has_not_is_refused_before_anything_is_stored(blobs: KeptBlobs) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        publish_artefacts(blobs, PLACE, "a1", {"x": float("nan")}, [Artefact("overlay.jpg", b"x", "image/jpeg")])
    assert blobs.order == []


def test_the_first_commit_stands(blobs: KeptBlobs, csv: Path) -> None:
    assert published_attempt(blobs, PLACE) is None
    assert commit(blobs, PLACE, "a1", csv, "feed") == "a1"
    csv.write_bytes(b"face\n1\n")
    assert commit(blobs, PLACE, "a2", csv, "beef") == "a1"
    assert blobs.read("results", PLACE.csv) == b"face\n0\n"
    assert published_attempt(blobs, PLACE) == "a1"


def test_replacing_overwrites_what_another_attempt_published(blobs: KeptBlobs, csv: Path) -> None:
    commit(blobs, PLACE, "a1", csv, "feed")
    csv.write_bytes(b"face\n1\n")
    assert commit(blobs, PLACE, "a2", csv, "beef", replacing=True) == "a2"
    assert (blobs.read("results", PLACE.csv), published_attempt(blobs, PLACE)) == (b"face\n1\n", "a2")


def test_a_store_that_is_away_is_no_missing_result(blobs: KeptBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(container: str, name: str) -> BlobInfo:
        raise StorageUnavailable("away")

    monkeypatch.setattr(blobs, "info", away)
    with pytest.raises(StorageUnavailable):
        published_attempt(blobs, PLACE)
