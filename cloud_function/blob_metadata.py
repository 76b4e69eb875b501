"""Reads what storage knows about a blob with one HEAD request, never its bytes.

Separate because it is the only file that talks to the media's storage account.
"""

from dataclasses import dataclass
from functools import cache

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient, BlobServiceClient

from function_settings import FunctionSettings


class BlobGone(Exception):
    """The blob was deleted since its event was raised."""


@dataclass(frozen=True)
class BlobFacts:
    """A blob's properties that decide what we do with it; `length` in bytes."""

    content_type: str
    length: int
    metadata: dict[str, str]


def read_metadata(container: str, blob: str, settings: FunctionSettings) -> dict[str, str]:
    """The blob's metadata; empty where no storage account was configured.

    Raises BlobGone. Other storage errors pass: the host tries the event again.
    """
    if settings.storage_connection_string:
        service = BlobServiceClient.from_connection_string(settings.storage_connection_string)
    elif settings.storage_url:
        service = BlobServiceClient(settings.storage_url, credential=_credential(settings.storage_client_id))
    else:
        return {}
    with service:
        return facts_of(service.get_blob_client(container, blob), settings.call_time_limit_s).metadata


@cache
def _credential(client_id: str) -> DefaultAzureCredential:
    # It keeps its tokens: a new one for each event would ask for a new token each time.
    return DefaultAzureCredential(managed_identity_client_id=client_id or None)


def facts_of(client: BlobClient, time_limit_s: float) -> BlobFacts:
    """The facts behind a blob reference. Raises BlobGone."""
    try:
        found = client.get_blob_properties(timeout=max(1, round(time_limit_s)))
    except ResourceNotFoundError as error:
        raise BlobGone(f"{client.container_name}/{client.blob_name}") from error
    return BlobFacts(found.content_settings.content_type or "", found.size, dict(found.metadata or {}))
