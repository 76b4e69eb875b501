"""What a function is given: an event in Event Grid's shape, and the context of the call.

Separate because these shapes are Azure's, not ours: they change when Azure's do.
"""

import secrets
import threading
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import azure.functions as func

from infra.local.function_runner.blob_watch import SeenBlob


class LocalTrace:
    """A new trace, begun by this call."""

    def __init__(self) -> None:
        self._parent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"

    @property
    def trace_parent(self) -> str:
        """W3C traceparent."""
        return self._parent

    @property
    def trace_state(self) -> str:
        """W3C tracestate: none."""
        return ""

    @property
    def attributes(self) -> dict[str, str]:
        """Nothing beside the trace."""
        return {}


class LocalContext(func.Context):
    """The context of one call."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self._invocation_id = str(uuid.uuid4())
        self._trace = LocalTrace()

    @property
    def invocation_id(self) -> str:
        """A new id for each call."""
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Empty."""
        return threading.local()

    @property
    def function_name(self) -> str:
        """The function that is called."""
        return self._function_name

    @property
    def function_directory(self) -> str:
        """Not told."""
        return ""

    @property
    def trace_context(self) -> Any:
        """The trace begun by this call."""
        return self._trace

    @property
    def retry_context(self) -> Any:
        """None: the event is offered again by the runner, not by a retry policy."""
        return None


def blob_created(blob: SeenBlob) -> func.EventGridEvent:
    """The event that Event Grid would raise for `blob`."""
    return func.EventGridEvent(
        id=str(uuid.uuid4()),
        topic=f"/subscriptions/local/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{blob.account}",
        subject=f"/blobServices/default/containers/{blob.container}/blobs/{blob.name}",
        event_type="Microsoft.Storage.BlobCreated",
        event_time=datetime.now(UTC),
        data_version="",
        data={
            "api": "PutBlob",
            "clientRequestId": str(uuid.uuid4()),
            "requestId": str(uuid.uuid4()),
            "eTag": blob.etag,
            "contentType": blob.content_type,
            "contentLength": blob.length,
            "blobType": blob.blob_type,
            "url": f"{blob.account_url}/{blob.container}/{quote(blob.name)}",
            "sequencer": "",
            "storageDiagnostics": {},
        },
    )
