"""Read blobs' versions from storage: of the whole account, or of one blob.

Separate because it is all that the runner asks of storage, however it knows what is new.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient

from infra.local.function_runner.access_log import BlobName


@dataclass(frozen=True)
class BlobVersion:
    """One version of a blob; `length` in bytes, the ETag without quotes."""

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


def read_blob(service: BlobServiceClient, blob: BlobName) -> BlobVersion | None:
    """Return a blob's present version, None where it is gone. Other storage errors pass."""
    try:
        found = service.get_blob_client(blob.container, blob.name).get_blob_properties()
    except ResourceNotFoundError:
        return None
    return _version(service, blob.container, found)


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
