"""Turn Event Grid and blob triggers into subscribers: which blobs they take, and how they are called.

Separate because the two kinds differ only here; delivery treats them alike.
"""

import re
from collections.abc import Mapping, Sequence

from azure.storage.blob import BlobClient
from azure.storage.queue import QueueServiceClient

from infra.local.function_runner.blob_listing import BlobVersion
from infra.local.function_runner.delivery import Subscriber
from infra.local.function_runner.hosted_functions import BLOB, EVENT_GRID, HostedFunction
from infra.local.function_runner.poison_queue import send_to_poison_queue
from infra.local.function_runner.storage_events import EventSource

# Event Grid waits so long for an answer: https://learn.microsoft.com/azure/event-grid/delivery-and-retry
EVENT_GRID_TIME_LIMIT_S = 30.0


def blob_subscribers(
    functions: Sequence[HostedFunction],
    queues: QueueServiceClient,
    environ: Mapping[str, str],
    event_time_limit_s: float = EVENT_GRID_TIME_LIMIT_S,
) -> list[Subscriber]:
    """A subscriber for each function that blobs can trigger. Raises KeyError for a missing setting."""
    subscribers = []
    for function in functions:
        if function.kind == EVENT_GRID:
            subscribers.append(_event_subscriber(function, queues, event_time_limit_s))
        elif function.kind == BLOB:
            subscribers.append(_blob_subscriber(function, queues, environ))
    return subscribers


def _event_subscriber(function: HostedFunction, queues: QueueServiceClient, time_limit_s: float) -> Subscriber:
    events = EventSource()
    return Subscriber(
        name=function.name,
        wants=lambda blob: True,
        call=lambda blob: function.call(events.event(blob)),
        give_up=lambda blob: send_to_poison_queue(queues, function.name, blob),
        time_limit_s=time_limit_s,
    )


def _blob_subscriber(function: HostedFunction, queues: QueueServiceClient, environ: Mapping[str, str]) -> Subscriber:
    path = re.sub(r"%(\w+)%", lambda name: environ[name[1]], str(function.trigger["path"]))
    container = path.partition("/")[0]
    connection_string = environ[str(function.trigger["connection"])]

    def call(blob: BlobVersion) -> None:
        # What the reference binding hands over on Azure: a client of this blob, none of its bytes.
        with BlobClient.from_connection_string(connection_string, blob.container, blob.name) as client:
            function.call(client)

    return Subscriber(
        name=function.name,
        wants=lambda blob: blob.container == container,
        call=call,
        give_up=lambda blob: send_to_poison_queue(queues, function.name, blob),
    )
