"""One suite over both stores of blobs: Azure's, and a folder."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from service.errors import AnalysisError, BlobExists, MediaChanged, MediaNotFound, NotFound
from service.storage.blob_store import Blobs
from service.storage.folder import FolderBlobs
from tests.conftest import StorageAccount


class Store(NamedTuple):
    blobs: Blobs
    container: str


@pytest.fixture(params=["azure", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        (tmp_path / "uploads").mkdir()
        return Store(FolderBlobs(tmp_path), "uploads")
    account: StorageAccount = request.getfixturevalue("account")
    return Store(account.services.blobs, account.container)


NAMES = ["a.jpg", "takes/one two.mp4", "ünï/код '\".png", "-dash#?.jpg", "100%.jpg", "a%2Fb.jpg"]


def _put(store: Store, name: str, content: bytes | Path = b"hello") -> None:
    store.blobs.upload(store.container, name, content, content_type="image/jpeg")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_put_is_got(store: Store, name: str, tmp_path: Path) -> None:
    _put(store, name)
    info = store.blobs.info(store.container, name)
    assert (info.name, info.size) == (name, 5)
    assert info.etag
    assert '"' not in info.etag
    target = tmp_path / "got"
    assert store.blobs.download(store.container, name, info.etag, target).etag == info.etag
    assert target.read_bytes() == store.blobs.read(store.container, name) == b"hello"
    assert [blob.name for blob in store.blobs.page(store.container).blobs] == [name]


def test_a_file_is_streamed_both_ways_and_progress_is_told(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 40_000)
    _put(store, "big.mp4", source)
    told: list[tuple[int, int]] = []
    info = store.blobs.info(store.container, "big.mp4")
    store.blobs.download(store.container, "big.mp4", info.etag, tmp_path / "got", lambda *so: told.append(so))
    assert (tmp_path / "got").read_bytes() == source.read_bytes()
    assert told[-1] == (source.stat().st_size, source.stat().st_size)
    assert b"".join(store.blobs.stream(store.container, "big.mp4")) == source.read_bytes()


def test_an_overwritten_blob_is_another(store: Store, tmp_path: Path) -> None:
    _put(store, "a.jpg", b"one")
    old = store.blobs.info(store.container, "a.jpg")
    _put(store, "a.jpg", b"two")
    assert store.blobs.info(store.container, "a.jpg").etag != old.etag
    with pytest.raises(MediaChanged):
        store.blobs.download(store.container, "a.jpg", old.etag, tmp_path / "got")


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, path: store.blobs.info(store.container, "none.jpg"),
        lambda store, path: store.blobs.read(store.container, "none.jpg"),
        lambda store, path: store.blobs.stream(store.container, "none.jpg"),
        lambda store, path: store.blobs.download(store.container, "none.jpg", "0x1", path / "got"),
    ],
)
def test_a_missing_blob_is_told(store: Store, ask: Callable[[Store, Path], object], tmp_path: Path) -> None:
    with pytest.raises(MediaNotFound):
        ask(store, tmp_path)


def test_a_missing_container_is_told(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.blobs.page("no-such-container")
    assert caught.value.code == "container_not_found"


def test_create_only_has_one_winner(store: Store) -> None:
    def create(number: int) -> bool:
        try:
            store.blobs.upload(
                store.container, "x/r.csv", f"{number}".encode(), content_type="text/csv", create_only=True
            )
        except BlobExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert sum(won) == 1
    assert store.blobs.read(store.container, "x/r.csv") == f"{won.index(True)}".encode()


def test_a_stopped_download_raises_what_stopped_it(store: Store, tmp_path: Path) -> None:
    _put(store, "a.jpg")
    info = store.blobs.info(store.container, "a.jpg")

    def stop(done: int, total: int) -> None:
        raise AnalysisError("stop")

    with pytest.raises(AnalysisError, match="stop"):
        store.blobs.download(store.container, "a.jpg", info.etag, tmp_path / "got", stop)


def test_a_folder_lets_no_name_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    blobs = FolderBlobs(tmp_path / "root")
    with pytest.raises(NotFound):
        blobs.read(".", "../secret")
    with pytest.raises(NotFound):
        blobs.upload("..", "secret", b"y", content_type="text/plain")
    assert (tmp_path / "secret").read_text() == "x"


def test_pages_go_on_by_cursor(account: StorageAccount) -> None:
    from service.storage import azure_blobs

    blobs, old = account.services.blobs, azure_blobs.PAGE_SIZE
    names = [f"{number:02d}.jpg" for number in range(7)]
    for name in names:
        account.put(name, b"x")
    azure_blobs.PAGE_SIZE = 3
    try:
        seen, cursor = [], ""
        while True:
            page = blobs.page(account.container, cursor)
            assert len(page.blobs) <= 3
            seen += [blob.name for blob in page.blobs]
            cursor = page.cursor
            if not cursor:
                break
    finally:
        azure_blobs.PAGE_SIZE = old
    assert seen == names


def test_metadata_comes_back_and_links_open(account: StorageAccount) -> None:
    import urllib.request

    blobs = account.services.blobs
    blobs.upload(account.container, "ü/r 1.csv", b"a,b\n", content_type="text/csv", metadata={"attempt": "a1"})
    assert blobs.info(account.container, "ü/r 1.csv").metadata == {"attempt": "a1"}
    with urllib.request.urlopen(blobs.link(account.container, "ü/r 1.csv", minutes=5)) as answer:
        assert answer.read() == b"a,b\n"
    with pytest.raises(urllib.error.HTTPError), urllib.request.urlopen(blobs.url(account.container, "ü/r 1.csv")):
        pass
