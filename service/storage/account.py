"""One storage account: its clients, its credential, and the translation of the SDK's errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from traceback import walk_tb
from types import FrameType
from typing import Any, Literal

import requests
import urllib3
from azure.core.exceptions import AzureError, DeserializationError
from azure.core.pipeline import PipelineResponse
from azure.core.settings import settings as sdk_settings
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from service.errors import AnalysisError, StorageRefused, StorageUnavailable
from service.settings import BadSettings, Settings
from service.storage.transport import storage_transport

PIECE_BYTES = 4 << 20
BLOB_OPTIONS: dict[str, Any] = {
    # The SDK's first request asks for 32 MiB and holds them more than once.
    "max_single_get_size": PIECE_BYTES,
    "max_chunk_get_size": PIECE_BYTES,
}
CLIENT_OPTIONS: dict[str, Any] = {
    # A dead endpoint is reported within seconds; the job's own retries are the long ones.
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
ServiceName = Literal["blobs", "queues", "tables"]

PASSING = frozenset({401, 403, 404, 408, 409, 412, 429})
"""Client errors that may end by themselves: keys and clocks are set right, queues and tables created, rates kept."""

CONNECTION_ERRORS = (
    AzureError,
    DeserializationError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
)
"""Errors of a connection, or of the SDK; its own decoding of a cut answer may raise anything with one as context."""

DECODING_ERRORS = (AttributeError, IndexError, KeyError, TypeError)
"""Raised by the SDK over an answer whose headers or body were cut: it takes them for complete."""


@dataclass(frozen=True)
class Pulse:
    """One service's answer to a trivial request.

    Attributes:
        seconds: until it came.
        clock_ahead_s: how far this machine's clock is ahead of the service's; None where its answer has no date.
    """

    seconds: float
    clock_ahead_s: float | None


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
        # With OpenTelemetry's API alone, the SDK makes spans of nothing: a tenth of what a request costs.
        sdk_settings.tracing_enabled = settings.exports_traces
        options = {**CLIENT_OPTIONS, "transport": storage_transport()}
        if settings.azure_storage_connection_string:
            text = settings.azure_storage_connection_string.get_secret_value()
            try:
                return cls(
                    BlobServiceClient.from_connection_string(text, **BLOB_OPTIONS, **options),
                    QueueServiceClient.from_connection_string(text, **options),
                    TableServiceClient.from_connection_string(text, **options),
                )
            except ValueError as error:
                raise BadSettings(f"AZURE_STORAGE_CONNECTION_STRING cannot be read: {error}") from error
        if settings.storage_account:
            credential = identity_of(settings)
            base = f"https://{settings.storage_account}.{{}}.core.windows.net"
            return cls(
                BlobServiceClient(base.format("blob"), credential, **BLOB_OPTIONS, **options),
                QueueServiceClient(base.format("queue"), credential, **options),
                TableServiceClient(base.format("table"), credential=credential, **options),
            )
        raise BadSettings(
            "no storage account: set AZURE_STORAGE_CONNECTION_STRING (`make up` prints one for Azurite) "
            "or STORAGE_ACCOUNT (managed identity)"
        )

    def pulse(self, service: ServiceName) -> Pulse:
        """Send one service a trivial request, and compare clocks. Raises StorageUnavailable."""
        dates: list[str] = []
        listing: dict[ServiceName, Callable[..., Any]] = {
            "blobs": self.blobs.list_containers,
            "queues": self.queues.list_queues,
            "tables": self.tables.list_tables,
        }

        def note(answer: Any) -> None:
            dates.append(str(answer.http_response.headers.get("Date", "")))

        began, sent_at = time.monotonic(), datetime.now(UTC)
        with translated(f"asking for the account's {service}"):
            next(listing[service](results_per_page=1, raw_response_hook=note).by_page(), None)
        seconds = time.monotonic() - began
        return Pulse(seconds, _clock_ahead_s(sent_at, seconds, dates[-1] if dates else ""))


def identity_of(settings: Settings) -> Any:
    """Return the machine's managed identity, where storage is reached with it; None elsewhere."""
    if not settings.storage_account:
        return None
    # Here, since it brings cryptography along, and a connection string needs none of it.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


@contextmanager
def translated(
    doing: str,
    *,
    missing: AnalysisError | None = None,
    exists: AnalysisError | None = None,
    changed: AnalysisError | None = None,
    stale: AnalysisError | None = None,
    refused: Callable[[int, str], AnalysisError | None] | None = None,
) -> Iterator[None]:
    """Translate the SDK's errors into those of `service.errors`.

    Args:
        doing: the step, for the message.
        missing, exists, changed, stale: raised for 404, for a name that is taken, for a failed condition and for
            a stale pop receipt.
        refused: maps the HTTP status and storage's error code of any other answer to the error to raise.

    Raises:
        StorageRefused: a client error that the same request will meet again.
        StorageUnavailable: any other error of storage, or of the connection to it.
    """
    try:
        yield
    except AnalysisError:
        raise
    except Exception as error:
        failure = _of_connection(error)
        if failure is None:
            raise
        status = int(getattr(failure, "status_code", None) or 0)
        reason = _reason(failure)
        expected = (
            (missing if status == HTTPStatus.NOT_FOUND else None)
            # The table SDK gives only the status; the others give a conflict's code, and not all are about names.
            or (exists if reason.endswith("AlreadyExists") or reason == "409" else None)
            or (changed if status == HTTPStatus.PRECONDITION_FAILED else None)
            or (stale if reason == "PopReceiptMismatch" else None)
            or (refused(status, reason) if refused else None)
        )
        raise expected or _unexpected(f"storage failed while {doing}: {reason}", status) from error


def _of_connection(error: BaseException) -> BaseException | None:
    """Return the error of storage or of the connection that an exception is, or that was its cause."""
    if isinstance(error, DECODING_ERRORS) and _raised_over_an_answer(error):
        return error
    while not isinstance(error, CONNECTION_ERRORS):
        before = error.__cause__ or error.__context__
        # An error that was translated before is another request's.
        if before is None or isinstance(before, AnalysisError):
            return None
        error = before
    return error


def _raised_over_an_answer(error: BaseException) -> bool:
    """Return whether the SDK's own code raised an exception, and had an answer in hand: it did not write a request."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    if not frames or not _is_of_sdk(frames[-1]):
        return False
    return any(_has_answer(frame) for frame in frames if _is_of_sdk(frame))


def _is_of_sdk(frame: FrameType) -> bool:
    return _module_of(frame).startswith("azure.")


def _has_answer(frame: FrameType) -> bool:
    decodes = frame.f_code.co_name == "_extract_data_cb" or _module_of(frame).endswith("._deserialize")
    return decodes or any(isinstance(value, PipelineResponse) for value in frame.f_locals.values())


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _unexpected(message: str, status: int) -> AnalysisError:
    is_final = 400 <= status < 500 and status not in PASSING
    return StorageRefused(message) if is_final else StorageUnavailable(message)


def date_of(header: str) -> datetime | None:
    """Read an answer's `Date`, which is cut to whole seconds; None where it cannot be read."""
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None


def _clock_ahead_s(sent_at: datetime, seconds: float, date: str) -> float | None:
    """Compare this machine's time in the middle of the exchange with the answer's."""
    theirs = date_of(date)
    return sent_at.timestamp() + seconds / 2 - (theirs.timestamp() + 0.5) if theirs else None


def _reason(error: BaseException) -> str:
    """Return storage's own error code, else the HTTP status, else the kind of error."""
    code = getattr(error, "error_code", None) or getattr(error, "status_code", None)
    # The text of a connection error names hosts and ports, never keys; only its kind is reported all the same.
    return str(getattr(code, "value", code) or type(error).__name__)
