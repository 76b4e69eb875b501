"""Read what storage knows about a blob with one HEAD request, never its bytes.

Separate because it is the only file that talks to the media's storage account.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from deadline import Deadline
from errors import BlobGone, RetryLater
from function_settings import FunctionSettings

CONNECT_LIMIT_S = 3.0
# With the token's below, this leaves time for the service within the 25 s of an event.
READ_LIMIT_S = 10.0
# The client would wait and retry for minutes while storage is slow; the host runs a failed invocation again by itself.
_NO_RETRIES: dict[str, Any] = {"retry_total": 0}
# For a token, which is kept for hours. An identity endpoint that is slow must not use up the time for the event.
_TOKEN_LIMITS: dict[str, Any] = {"connection_timeout": CONNECT_LIMIT_S, "read_timeout": 5.0}


@dataclass(frozen=True)
class BlobFacts:
    """A blob's properties that decide how it is handled; `length` in bytes."""

    content_type: str
    length: int
    metadata: dict[str, str]


def read_facts(container: str, blob: str, settings: FunctionSettings, deadline: Deadline) -> BlobFacts | None:
    """Read the blob's facts; None where no storage account is configured.

    Raises:
        BlobGone: the blob or its container does not exist.
        RetryLater: storage did not answer in time, or refused.
    """
    service = _service(settings.storage_connection_string, settings.storage_url, settings.storage_client_id)
    if service is None:
        return None
    left_s = deadline.left_s()
    try:
        found = service.get_blob_client(container, blob).get_blob_properties(
            connection_timeout=min(CONNECT_LIMIT_S, left_s), read_timeout=min(READ_LIMIT_S, left_s)
        )
    except ResourceNotFoundError as error:
        raise BlobGone(f"{container}/{blob}") from error
    except AzureError as error:
        reason = getattr(error, "error_code", None) or getattr(error, "status_code", None) or type(error).__name__
        raise RetryLater(f"storage did not tell the properties of {container}/{blob}: {reason}") from error
    return BlobFacts(found.content_settings.content_type or "", found.size, dict(found.metadata or {}))


@cache
def _service(connection_string: str, url: str, client_id: str) -> BlobServiceClient | None:
    """Make the client once for all invocations, so that connections and token are kept."""
    if connection_string:
        return BlobServiceClient.from_connection_string(connection_string, **_NO_RETRIES)
    if not url:
        return None
    credential = DefaultAzureCredential(managed_identity_client_id=client_id or None, **_NO_RETRIES, **_TOKEN_LIMITS)
    return BlobServiceClient(url, credential=credential, **_NO_RETRIES)
