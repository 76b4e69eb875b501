"""Turns Event Grid and blob triggers into subscribers: which blobs they want, and how they are called.

Separate because the two kinds differ only here; delivery treats them alike.
"""

import re
from collections.abc import Mapping, Sequence

from azure.storage.blob import BlobClient
from azure.storage.queue import QueueServiceClient

from infra.local.function_runner.blob_watch import SeenBlob
from infra.local.function_runner.delivery import Subscriber
from infra.local.function_runner.hosted_functions import BLOB, EVENT_GRID, HostedFunction
from infra.local.function_runner.invocation import blob_created
from infra.local.function_runner.poison_queue import move_aside


def blob_subscribers(
    functions: Sequence[HostedFunction], queues: QueueServiceClient, environ: Mapping[str, str]
) -> list[Subscriber]:
    """A subscriber for each function that blobs can trigger. Raises KeyError for a missing setting."""
    subscribers = []
    for function in functions:
        if function.kind == EVENT_GRID:
            subscribers.append(_event_subscriber(function, queues))
        elif function.kind == BLOB:
            subscribers.append(_blob_subscriber(function, queues, environ))
    return subscribers


def _event_subscriber(function: HostedFunction, queues: QueueServiceClient) -> Subscriber:
    return Subscriber(
        name=function.name,
        wants=lambda blob: True,
        call=lambda blob: function.call(blob_created(blob)),
        give_up=lambda blob: move_aside(queues, function.name, blob),
    )


def _blob_subscriber(function: HostedFunction, queues: QueueServiceClient, environ: Mapping[str, str]) -> Subscriber:
    path = re.sub(r"%(\w+)%", lambda name: environ[name[1]], str(function.trigger["path"]))
    container = path.partition("/")[0]
    connection_string = environ[str(function.trigger["connection"])]

    def call(blob: SeenBlob) -> None:
        # What the reference binding hands over on Azure: a client of this blob, none of its bytes.
        with BlobClient.from_connection_string(connection_string, blob.container, blob.name) as client:
            function.call(client)

    return Subscriber(
        name=function.name,
        wants=lambda blob: blob.container == container,
        call=call,
        give_up=lambda blob: move_aside(queues, function.name, blob),
    )
