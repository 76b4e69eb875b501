"""The blob operations on a plain folder, so that media is analysed on one machine without a cloud."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from service.errors import BlobExists, MediaChanged, MediaNotFound, NotFound
from service.storage.blob_store import BlobInfo, BlobPage
from service.storage.local_files import replacing, sha256_of

PIECE_BYTES = 4 * 1024 * 1024
ETAG_DIGITS = 32


class FolderBlobs:
    """See `blob_store.Blobs`: a container is a folder under the root, `.` the root itself, a blob a file.

    An ETag is the first 32 hex digits of the file's SHA-256. Content types and metadata are not kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def path(self, container: str, name: str) -> Path:
        """Return the file of a blob. Raises NotFound for a name that leads out of the root."""
        # By its name only: links, as git-annex and DataLad make them, are followed to where they lead.
        path = Path(os.path.normpath(self._root / container / name))
        if not path.is_relative_to(self._root):
            raise NotFound(f"{name!r} is outside of the folder")
        return path

    def info(self, container: str, name: str) -> BlobInfo:
        path = self._existing(container, name)
        return BlobInfo(name=name, etag=sha256_of(path)[:ETAG_DIGITS], size=path.stat().st_size)

    def page(self, container: str, cursor: str = "", prefix: str = "", *, with_metadata: bool = False) -> BlobPage:
        folder = self.path(container, "")
        if not folder.is_dir():
            raise NotFound(f"there is no folder {container!r}", "container_not_found")
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return BlobPage([self.info(container, name) for name in names if name.startswith(prefix)], cursor="")

    def download(
        self,
        container: str,
        name: str,
        etag: str,
        target: Path,
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> BlobInfo:
        shutil.copyfile(self._existing(container, name), target)
        if sha256_of(target)[:ETAG_DIGITS] != etag:
            raise MediaChanged(f"{name!r} was overwritten")
        size = target.stat().st_size
        if on_bytes:
            on_bytes(size, size)
        return BlobInfo(name=name, etag=etag, size=size)

    def read(self, container: str, name: str) -> bytes:
        return self._existing(container, name).read_bytes()

    def stream(self, container: str, name: str) -> Iterator[bytes]:
        return _pieces(self._existing(container, name))

    def upload(
        self,
        container: str,
        name: str,
        content: bytes | Path,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        create_only: bool = False,
    ) -> None:
        path = self.path(container, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with replacing(path, create_only=create_only) as beside:
                if isinstance(content, bytes):
                    beside.write_bytes(content)
                else:
                    shutil.copyfile(content, beside)
        except FileExistsError as error:
            raise BlobExists(f"{name!r} exists already") from error

    def url(self, container: str, name: str) -> str:
        return self.path(container, name).as_uri()

    def _existing(self, container: str, name: str) -> Path:
        path = self.path(container, name)
        if not path.is_file():
            raise MediaNotFound(f"there is no file {name!r}")
        return path


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
