"""One storage account: its clients, its credential, and the translation of its errors into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from service.errors import AnalysisError, StorageUnavailable
from service.settings import BadSettings, Settings

CLIENT_OPTIONS: dict[str, Any] = {
    # A dead endpoint is told within seconds; the job's own retries are the long ones.
    "retry_total": 2,
    "connection_timeout": 3,
    "read_timeout": 30,
    # Waits between tries, in seconds: the first three for blobs and queues, whose own default is 15 and more,
    # the last for tables.
    "initial_backoff": 0.3,
    "increment_base": 1,
    "random_jitter_range": 0.2,
    "retry_backoff_factor": 0.3,
}


@dataclass(frozen=True)
class Account:
    """The three services of one storage account."""

    blobs: BlobServiceClient
    queues: QueueServiceClient
    tables: TableServiceClient

    @classmethod
    def connect(cls, settings: Settings) -> Account:
        """Make the clients; nothing is sent yet.

        Raises:
            BadSettings: no account is named, or the connection string cannot be read.
        """
        if settings.azure_storage_connection_string:
            text = settings.azure_storage_connection_string.get_secret_value()
            try:
                return cls(
                    BlobServiceClient.from_connection_string(text, **CLIENT_OPTIONS),
                    QueueServiceClient.from_connection_string(text, **CLIENT_OPTIONS),
                    TableServiceClient.from_connection_string(text, **CLIENT_OPTIONS),
                )
            except ValueError as error:
                raise BadSettings(f"AZURE_STORAGE_CONNECTION_STRING cannot be read: {error}") from error
        if settings.storage_account:
            credential = DefaultAzureCredential()
            base = f"https://{settings.storage_account}.{{}}.core.windows.net"
            return cls(
                BlobServiceClient(base.format("blob"), credential, **CLIENT_OPTIONS),
                QueueServiceClient(base.format("queue"), credential, **CLIENT_OPTIONS),
                TableServiceClient(base.format("table"), credential=credential, **CLIENT_OPTIONS),
            )
        raise BadSettings(
            "no storage account: set AZURE_STORAGE_CONNECTION_STRING (`make up` prints one for Azurite) "
            "or STORAGE_ACCOUNT (managed identity)"
        )


@contextmanager
def translated(
    doing: str,
    *,
    missing: AnalysisError | None = None,
    exists: AnalysisError | None = None,
    changed: AnalysisError | None = None,
    stale: AnalysisError | None = None,
) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Args:
        doing: what is being done, for the sentence.
        missing, exists, changed, stale: raised for 404, for a name that is taken, for a failed condition and for
            a stale pop receipt; whatever is not named here, and all else, becomes StorageUnavailable.
    """
    try:
        yield
    except AzureError as error:
        status = getattr(error, "status_code", None)
        reason = _reason(error)
        expected = (
            (missing if status == HTTPStatus.NOT_FOUND else None)
            # The table SDK tells only the status; the others tell a conflict's code, and not all are about names.
            or (exists if reason.endswith("AlreadyExists") or reason == "409" else None)
            or (changed if status == HTTPStatus.PRECONDITION_FAILED else None)
            or (stale if reason == "PopReceiptMismatch" else None)
        )
        raise expected or StorageUnavailable(f"storage failed while {doing}: {reason}") from error


def _reason(error: AzureError) -> str:
    """Storage's own error code, else the HTTP status, else the kind of error."""
    code = getattr(error, "error_code", None) or getattr(error, "status_code", None)
    # The text of a connection error names hosts and ports, never keys; only its kind is told all the same.
    return str(getattr(code, "value", code) or type(error).__name__)
