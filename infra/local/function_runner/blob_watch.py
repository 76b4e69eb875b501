"""Find new and overwritten blobs by listing every container, since Azurite raises no events.

Separate because it is the polling that only a local stack needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from azure.storage.blob import BlobProperties, BlobServiceClient


@dataclass(frozen=True)
class BlobVersion:
    """One version of a blob, from a listing; `length` in bytes, the ETag without quotes."""

    account: str
    account_url: str
    container: str
    name: str
    etag: str
    length: int
    content_type: str
    blob_type: str

    @property
    def key(self) -> str:
        """Differs for every blob and every overwrite of it; names cannot hold the separator."""
        return f"{self.container}\n{self.name}\n{self.etag}"


def list_blobs(service: BlobServiceClient) -> Iterator[BlobVersion]:
    """Every blob of the account. Storage errors pass: the caller lists again later."""
    for container in service.list_containers():
        for blob in service.get_container_client(container.name).list_blobs():
            yield _version(service, str(container.name), blob)


def _version(service: BlobServiceClient, container: str, blob: BlobProperties) -> BlobVersion:
    return BlobVersion(
        account=str(service.account_name),
        account_url=service.url.rstrip("/"),
        container=container,
        name=blob.name,
        etag=str(blob.etag).strip('"'),
        length=int(blob.size or 0),
        content_type=blob.content_settings.content_type or "application/octet-stream",
        blob_type=str(getattr(blob.blob_type, "value", blob.blob_type)),
    )
