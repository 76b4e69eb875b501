"""The same blob operations on a plain folder, so that media is analysed by hand with no cloud at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from service.errors import BlobExists, MediaChanged, MediaNotFound, NotFound
from service.storage.blob_store import BlobInfo, BlobPage

PIECE_BYTES = 4 * 1024 * 1024


class FolderBlobs:
    """See `blob_store.Blobs`: a container is a folder under the root, `.` the root itself, a blob a file.

    An ETag is the first 32 hex digits of the file's SHA-256. Content types and metadata are not kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def path(self, container: str, name: str) -> Path:
        """The file of a blob. Raises NotFound for a name that leads out of the root."""
        path = (self._root / container / name).resolve()
        if not path.is_relative_to(self._root):
            raise NotFound(f"{name!r} is outside of the folder")
        return path

    def info(self, container: str, name: str) -> BlobInfo:
        path = self._existing(container, name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return BlobInfo(name=name, etag=digest[:32], size=path.stat().st_size)

    def page(self, container: str, cursor: str = "", prefix: str = "") -> BlobPage:
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
        with target.open("rb") as file:
            copied = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        if copied != etag:
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
        # Whole or not at all: written beside, then moved into place.
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, file)
            Path(beside).chmod(0o644)
            if create_only:
                os.link(beside, path)
            else:
                Path(beside).replace(path)
        except FileExistsError as error:
            raise BlobExists(f"{name!r} exists already") from error
        finally:
            Path(beside).unlink(missing_ok=True)

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
