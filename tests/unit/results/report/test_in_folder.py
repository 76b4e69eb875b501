"""Results in folders: each table with its own manifest, and the media by its bytes, whatever its name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from service.errors import MalformedOutput, NotFound
from service.results.report.in_folder import FolderResult, find_results, find_upload
from tests.fixtures.comparable_results import face, result


def test_a_manifest_beside_the_table_or_in_its_attempts_folder_is_found(tmp_path: Path) -> None:
    beside, deeper = (result(tmp_path / "r" / name, "image", [face()]) for name in ("a", "b"))
    (deeper / "attempt").mkdir()
    (deeper / "manifest.json").rename(deeper / "attempt" / "manifest.json")
    (tmp_path / "r" / "other.csv").write_text("a,b\n")
    assert [found.csv for found in find_results([tmp_path / "r"])] == [beside / "t.csv", deeper / "t.csv"]


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"csv": {"name": "u.csv"}}', '{"csv": null}', "no json"])
def test_a_table_without_a_manifest_of_its_own_is_no_result(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "t.csv").write_text("face\n")
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(NotFound) as missing:
        find_results([tmp_path])
    assert missing.value.code == "no_results"


def of_media(content: bytes, **changes: Any) -> FolderResult:
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} | changes
    return FolderResult(Path("t.csv"), {"media": facts})


def test_media_are_found_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "renamed.bin").write_bytes(b"pixels")
    (tmp_path / "same-size.jpg").write_bytes(b"slexip")
    assert find_upload(of_media(b"pixels"), [tmp_path]) == tmp_path / "deep" / "renamed.bin"
    assert find_upload(of_media(b"pixels"), [tmp_path / "same-size.jpg"]) is None
    assert find_upload(of_media(b"pixels", bytes=7), [tmp_path]) is None


@pytest.mark.parametrize("media", [None, {}, {"bytes": 6}])
def test_a_manifest_without_the_medias_hash_finds_none(tmp_path: Path, media: Any) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    assert find_upload(FolderResult(Path("t.csv"), {"media": media}), [tmp_path]) is None


def test_annotations_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    folder = result(tmp_path / "a", "image", [face()])
    [found] = find_results([folder])
    assert found.annotations.excluded == ()
    (folder / "annotations.json").write_text(json.dumps({"excluded": "all"}))
    with pytest.raises(MalformedOutput):
        _ = found.annotations
