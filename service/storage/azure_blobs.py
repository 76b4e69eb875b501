"""Blobs in Azure Blob Storage (or Azurite)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import (
    BlobBlock,
    BlobProperties,
    BlobSasPermissions,
    BlobServiceClient,
    ContentSettings,
    StorageStreamDownloader,
    generate_blob_sas,
)

from service.errors import AnalysisError, BlobExists, MediaArchived, MediaChanged, MediaNotFound, MediaRefused, NotFound
from service.storage.account import PASSING, translated
from service.storage.blob_store import BlobInfo, BlobPage

PAGE_SIZE = 1000
PURPOSE, RESULTS = "purpose", "results"
"""Metadata of containers of results, also of other deployments in this account, and of earlier settings."""
CLOCK_SKEW = timedelta(minutes=5)
ARCHIVED = frozenset({"BlobArchived", "BlobBeingRehydrated"})
"""Error codes of a blob in the archive tier, and of one on its way out of it."""

RANGES_AT_ONCE = 4
"""Pieces of one blob that are fetched at a time: a single connection waits for each answer."""
NOT_KEPT = "private, no-store"
"""Cache-Control of blobs that the service writes; links to them are read directly from storage."""


class AzureBlobs:
    """See `blob_store.Blobs`; it also lists containers, deletes, and signs read-only links."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    def info(self, container: str, name: str) -> BlobInfo:
        with translated("asking for a blob", missing=_no_blob(container, name), refused=_refused):
            return _info(self._service.get_blob_client(container, name).get_blob_properties())

    def page(self, container: str, cursor: str = "", prefix: str = "", *, with_metadata: bool = False) -> BlobPage:
        client = self._service.get_container_client(container)
        include = ["metadata"] if with_metadata else None
        listed = client.list_blobs(name_starts_with=prefix or None, results_per_page=PAGE_SIZE, include=include)
        pages = listed.by_page(cursor or None)
        with translated("listing a container", missing=_no_container(container)):
            blobs = [_info(blob) for blob in next(pages, ())]
        return BlobPage(blobs, str(getattr(pages, "continuation_token", None) or ""))

    def download(
        self,
        container: str,
        name: str,
        etag: str,
        target: Path,
        on_bytes: Callable[[int, int], None] | None = None,
    ) -> BlobInfo:
        try:
            return self._download(container, name, etag, target, on_bytes)
        except MediaChanged:
            # Azurite answers like this for a deleted blob as well, when a condition was set.
            self.info(container, name)
            raise

    def _download(
        self,
        container: str,
        name: str,
        etag: str,
        target: Path,
        on_bytes: Callable[[int, int], None] | None,
    ) -> BlobInfo:
        client = self._service.get_blob_client(container, name)
        changed = MediaChanged(f"blob {name!r} in container {container!r} was overwritten")
        gone = _no_blob(container, name)
        with (
            translated("downloading a blob", missing=gone, changed=changed, refused=_refused),
            target.open("wb") as file,
        ):
            download = client.download_blob(
                etag=f'"{etag}"',
                match_condition=MatchConditions.IfNotModified,
                max_concurrency=RANGES_AT_ONCE,
                progress_hook=_in_order(on_bytes) if on_bytes else None,
            )
            download.readinto(file)
            return _info(download.properties)

    def read(self, container: str, name: str) -> bytes:
        return b"".join(self.stream(container, name))

    def stream(self, container: str, name: str) -> Iterator[bytes]:
        with translated("reading a blob", missing=_no_blob(container, name), refused=_refused):
            download = self._service.get_blob_client(container, name).download_blob()
        return _pieces(download)

    def stream_range(self, container: str, name: str, etag: str, offset: int, length: int) -> Iterator[bytes]:
        """Read `length` bytes from `offset` of this version. Raises MediaNotFound, MediaChanged."""
        if not length:
            return iter(())
        changed = MediaChanged(f"blob {name!r} in container {container!r} was overwritten")
        with translated("reading a blob", missing=_no_blob(container, name), changed=changed, refused=_refused):
            download = self._service.get_blob_client(container, name).download_blob(
                offset=offset, length=length, etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified
            )
        return _pieces(download)

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
        options: dict[str, Any] = {
            "overwrite": not create_only,
            "content_settings": ContentSettings(content_type=content_type, cache_control=NOT_KEPT),
            "metadata": dict(metadata or {}),
        }
        client = self._service.get_blob_client(container, name)
        taken = BlobExists(f"blob {name!r} exists already")
        with translated("uploading a blob", exists=taken, missing=_no_container(container)):
            if isinstance(content, bytes):
                client.upload_blob(content, **options)
                return
            with content.open("rb") as file:
                client.upload_blob(file, length=content.stat().st_size, **options)

    def upload_stream(
        self,
        container: str,
        name: str,
        pieces: Iterable[bytes],
        *,
        content_type: str,
        metadata: Callable[[], Mapping[str, str]],
    ) -> None:
        """Write a new blob piece by piece; it appears whole when all pieces have come, or not at all.

        Args:
            pieces: an error that they raise ends the upload; blocks sent until then are never seen, and storage
                deletes them within a week.
            metadata: called after the last piece.

        Raises:
            BlobExists: the name is taken.
            NotFound: there is no such container.
        """
        client = self._service.get_blob_client(container, name)
        # Two concurrent uploads of one name share a list of unfinished blocks; the prefix tells their own apart.
        upload_id = uuid.uuid4().hex
        blocks: list[BlobBlock] = []
        missing = _no_container(container)
        for number, piece in enumerate(pieces):
            blocks.append(BlobBlock(f"{upload_id}-{number:06d}"))
            with translated("uploading a piece of a blob", missing=missing):
                client.stage_block(blocks[-1].id, piece, length=len(piece))
        taken = BlobExists(f"blob {name!r} exists already")
        with translated("completing an upload", exists=taken, changed=taken, missing=missing):
            client.commit_block_list(
                blocks,
                content_settings=ContentSettings(content_type=content_type),
                metadata=dict(metadata()),
                match_condition=MatchConditions.IfMissing,
            )

    def ensure_container(self, container: str) -> None:
        """Create the container where it does not exist."""
        with suppress(BlobExists), translated("creating a container", exists=BlobExists()):
            self._service.create_container(container)

    def ensure_results_container(self, container: str) -> None:
        """Create the container where it does not exist, and mark it as one of results."""
        self.ensure_container(container)
        client = self._service.get_container_client(container)
        with translated("marking the results container"):
            metadata = dict(client.get_container_properties().metadata or {})
            if metadata.get(PURPOSE) != RESULTS:
                client.set_container_metadata({**metadata, PURPOSE: RESULTS})

    def has_container(self, container: str) -> bool:
        with translated("asking for a container"):
            return bool(self._service.get_container_client(container).exists())

    def upload_containers(self) -> Iterator[str]:
        """List the names of all containers of the account but those that are marked as ones of results."""
        with translated("listing containers"):
            for container in self._service.list_containers(include_metadata=True):
                if (container.metadata or {}).get(PURPOSE) != RESULTS:
                    yield str(container.name)

    def delete(self, container: str, name: str, etag: str) -> None:
        """Delete this very version of a blob; one that has changed or is gone is left alone."""
        client = self._service.get_blob_client(container, name)
        with (
            suppress(MediaNotFound, MediaChanged),
            translated("deleting a blob", missing=_no_blob(container, name), changed=MediaChanged()),
        ):
            client.delete_blob(etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified)

    def ping(self) -> None:
        """Send a trivial request. Raises StorageUnavailable."""
        with translated("asking for the account's containers"):
            next(self._service.list_containers(results_per_page=1).by_page(), None)

    def url(self, container: str, name: str) -> str:
        return str(self._service.get_blob_client(container, name).url)

    def link(self, container: str, name: str, minutes: int) -> str:
        """Sign a link that lets its holder read this one blob for some minutes (a shared access signature).

        With a connection string it is signed by the account key; with a managed identity by a user delegation
        key, which the emulator does not offer.
        """
        now = datetime.now(UTC)
        expiry = now + timedelta(minutes=minutes)
        key = getattr(self._service.credential, "account_key", None)
        with translated("signing a link"):
            signed_by: dict[str, Any] = (
                {"account_key": key}
                if key
                else {"user_delegation_key": self._service.get_user_delegation_key(now - CLOCK_SKEW, expiry)}
            )
        url = self.url(container, name)
        signature = generate_blob_sas(
            account_name=str(self._service.account_name),
            container_name=container,
            blob_name=name,
            permission=BlobSasPermissions(read=True),
            start=now - CLOCK_SKEW,
            expiry=expiry,
            # The emulator speaks HTTP; an account in Azure takes these links over TLS alone.
            protocol="https" if url.startswith("https:") else None,
            **signed_by,
        )
        return f"{url}?{signature}"


def _no_blob(container: str, name: str) -> MediaNotFound:
    return MediaNotFound(f"there is no blob {name!r} in container {container!r}")


def _refused(status: int, reason: str) -> AnalysisError | None:
    """Tell answers that will not change from outages, where media is read."""
    if reason in ARCHIVED:
        return MediaArchived(f"storage refuses to hand out the blob: {reason}")
    is_final = 400 <= status < 500 and status not in PASSING
    if is_final or (status == HTTPStatus.CONFLICT and not reason.endswith("BeingDeleted")):
        return MediaRefused(f"storage refuses to hand out the blob: {reason}")
    return None


def _no_container(container: str) -> NotFound:
    return NotFound(f"there is no container {container!r}", "container_not_found")


def _pieces(download: StorageStreamDownloader[bytes]) -> Iterator[bytes]:
    with translated("reading a blob", refused=_refused):
        yield from download.chunks()


def _in_order(on_bytes: Callable[[int, int], None]) -> Callable[[int, int | None], None]:
    """Report the progress of ranges on several threads from one at a time, never back."""
    guard, most = threading.Lock(), 0

    def report(done: int, total: int | None) -> None:
        nonlocal most
        with guard:
            most = max(most, done)
            on_bytes(most, total or most)

    return report


def _info(blob: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=str(blob.name),
        etag=str(blob.etag).strip('"'),
        size=int(blob.size or 0),
        content_type=blob.content_settings.content_type,
        metadata=dict(blob.metadata or {}),
        last_modified=blob.last_modified,
    )
