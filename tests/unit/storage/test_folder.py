"""Blobs as files: nothing outside of the root, whole or not at all. What both stores do: `integration/storage`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from service.errors import BlobExists, MediaChanged, MediaNotFound, NotFound
from service.storage.folder import FolderBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    blobs = FolderBlobs(tmp_path / "root")
    blobs.upload("c", "d/a.jpg", b"one", content_type="image/jpeg")
    return blobs


@pytest.mark.parametrize(
    ("container", "name"), [("..", "a"), ("c", "../../a"), ("c", "/etc/passwd"), ("/etc", "passwd")]
)
def test_a_name_that_leads_out_of_the_root_is_refused(blobs: FolderBlobs, container: str, name: str) -> None:
    with pytest.raises(NotFound, match="outside"):
        blobs.path(container, name)
    with pytest.raises(NotFound):
        blobs.upload(container, name, b"x", content_type="text/plain")


def test_a_folder_beside_the_root_is_outside_of_it(tmp_path: Path) -> None:
    (tmp_path / "root2").mkdir()
    with pytest.raises(NotFound):
        FolderBlobs(tmp_path / "root").path("..", "root2/a")


def test_a_link_is_followed_to_where_its_owner_keeps_the_content(blobs: FolderBlobs, tmp_path: Path) -> None:
    (tmp_path / "annex").write_bytes(b"content")
    (tmp_path / "root" / "c" / "linked.jpg").symlink_to(tmp_path / "annex")
    assert blobs.read("c", "linked.jpg") == b"content"


def test_an_etag_is_the_contents_hash(blobs: FolderBlobs) -> None:
    info = blobs.info("c", "d/a.jpg")
    assert (info.etag, info.size) == (hashlib.sha256(b"one").hexdigest()[:32], 3)


def test_a_version_that_was_overwritten_is_not_handed_out(blobs: FolderBlobs, tmp_path: Path) -> None:
    etag = blobs.info("c", "d/a.jpg").etag
    told: list[tuple[int, int]] = []
    blobs.download("c", "d/a.jpg", etag, tmp_path / "t", lambda done, total: told.append((done, total)))
    assert ((tmp_path / "t").read_bytes(), told) == (b"one", [(3, 3)])
    blobs.upload("c", "d/a.jpg", b"two", content_type="image/jpeg")
    with pytest.raises(MediaChanged):
        blobs.download("c", "d/a.jpg", etag, tmp_path / "t")


def test_create_only_keeps_what_is_there(blobs: FolderBlobs) -> None:
    with pytest.raises(BlobExists):
        blobs.upload("c", "d/a.jpg", b"two", content_type="image/jpeg", create_only=True)
    assert blobs.read("c", "d/a.jpg") == b"one"


def test_a_list_is_in_order_of_name_below_a_prefix(blobs: FolderBlobs) -> None:
    for name in ("d/b.jpg", "a.jpg", "dd.jpg"):
        blobs.upload("c", name, b"x", content_type="image/jpeg")
    assert [blob.name for blob in blobs.page("c").blobs] == ["a.jpg", "d/a.jpg", "d/b.jpg", "dd.jpg"]
    assert [blob.name for blob in blobs.page("c", prefix="d/").blobs] == ["d/a.jpg", "d/b.jpg"]
    with pytest.raises(NotFound) as missing:
        blobs.page("none")
    assert missing.value.code == "container_not_found"


@pytest.mark.parametrize("name", ["none.jpg", "d", ""])
def test_what_is_no_file_is_not_found(blobs: FolderBlobs, name: str) -> None:
    for act in (blobs.info, blobs.read, blobs.stream):
        with pytest.raises(MediaNotFound):
            act("c", name)
