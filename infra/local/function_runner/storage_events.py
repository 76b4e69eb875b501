"""The events that Event Grid raises for a blob that is complete, in every kind that a function must read.

Separate because these shapes are Azure's: they change when Azure's do.
"""

import itertools
import json
import uuid
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

import azure.functions as func
from azure.functions.meta import Datum

from infra.local.function_runner.blob_listing import BlobVersion

CREATED, RENAMED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"
# The event's type and the call that completed the blob.
KINDS = (
    (CREATED, "PutBlob"),
    (CREATED, "PutBlockList"),
    (CREATED, "CopyBlob"),
    (CREATED, "FlushWithClose"),
    (CREATED, "SftpCommit"),
    (RENAMED, "RenameFile"),
    (RENAMED, "SftpRename"),
)


class EventSource:
    """Make one subscription's events: all kinds in turn, in the Event Grid schema and the CloudEvents schema."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def event(self, blob: BlobVersion) -> func.EventGridEvent | func.CloudEvent:
        """The next event, read from JSON by the library as the Functions worker does."""
        number = next(self._numbers)
        event_type, api = KINDS[number % len(KINDS)]
        # The number of kinds is odd, so each kind comes in both schemas.
        build = _cloud_event if number % 2 else _event_grid
        registry: Any = func.get_binding_registry()  # type: ignore[no-untyped-call]
        body = json.dumps(build(blob, event_type, _data(blob, event_type, api)))
        decoded = registry.get("eventGridTrigger").decode(Datum(body, "json"), trigger_metadata={})
        return cast(func.EventGridEvent | func.CloudEvent, decoded)


def _data(blob: BlobVersion, event_type: str, api: str) -> dict[str, Any]:
    url = f"{blob.account_url}/{blob.container}/{quote(blob.name)}"
    data = {
        "api": api,
        "clientRequestId": str(uuid.uuid4()),
        "requestId": str(uuid.uuid4()),
        "eTag": blob.etag,
        "blobType": blob.blob_type,
        "sequencer": "",
        "storageDiagnostics": {},
    }
    if event_type == RENAMED:
        return data | {"destinationUrl": url, "sourceUrl": f"{url}.filepart"}
    return data | {"contentType": blob.content_type, "contentLength": blob.length, "url": url}


def _event_grid(blob: BlobVersion, event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic": _topic(blob),
        "subject": _subject(blob),
        "eventType": event_type,
        "id": str(uuid.uuid4()),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": _now(),
    }


def _cloud_event(blob: BlobVersion, event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": _topic(blob),
        "subject": _subject(blob),
        "type": event_type,
        "id": str(uuid.uuid4()),
        "data": data,
        "specversion": "1.0",
        "time": _now(),
    }


def _topic(blob: BlobVersion) -> str:
    return f"/subscriptions/local/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{blob.account}"


def _subject(blob: BlobVersion) -> str:
    return f"/blobServices/default/containers/{blob.container}/blobs/{blob.name}"


def _now() -> str:
    # With the seven digits of .NET, as Event Grid writes them.
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
