"""The blob operations that the pipeline needs, independent of the store.

Implementations: `azure_blobs.AzureBlobs` and `folder.FolderBlobs`; both pass the contract suite in
`tests/integration/storage/test_blob_store.py`.
All raise `StorageUnavailable` where the store cannot be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class BlobInfo:
    """A blob's properties.

    Attributes:
        etag: without quotes.
        size: bytes.
        last_modified: in UTC; None where the store keeps no such time.
    """

    name: str
    etag: str
    size: int
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    last_modified: datetime | None = None


@dataclass(frozen=True)
class BlobPage:
    """One page of a listing; `cursor` is opaque and empty at the end."""

    blobs: list[BlobInfo]
    cursor: str


class Blobs(Protocol):
    """A store of blobs in containers."""

    def info(self, container: str, name: str) -> BlobInfo:
        """Return a blob's properties. Raises MediaNotFound, MediaRefused."""
        ...

    def page(self, container: str, cursor: str = "", prefix: str = "", *, with_metadata: bool = False) -> BlobPage:
        """List at most 1,000 blobs in order of name. Raises NotFound where the container does not exist."""
        ...

    def download(
        self,
        container: str,
        name: str,
        etag: str,
        target: Path,
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> BlobInfo:
        """Write this very version to `target`; `on_bytes(done, total)` is called meanwhile and may raise.

        Raises:
            MediaNotFound: the blob is gone.
            MediaChanged: it has another ETag now.
            MediaRefused: storage will not hand it out, now or later.
        """
        ...

    def read(self, container: str, name: str) -> bytes:
        """Read all of a small blob. Raises MediaNotFound, MediaRefused."""
        ...

    def stream(self, container: str, name: str) -> Iterator[bytes]:
        """Read a blob piece by piece. Raises MediaNotFound, MediaRefused before the first piece."""
        ...

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
        """Write a blob whole or not at all; with `create_only`, raises BlobExists where the name is taken."""
        ...

    def url(self, container: str, name: str) -> str:
        """Return the address of a blob, without any right to read it."""
        ...
