"""Put an event that failed too often into the queue where the Functions host would put it.

Separate because the queue's name and the message's shape are the host's.
"""

import base64
import json
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueServiceClient

from infra.local.function_runner.blob_listing import BlobVersion

POISON_QUEUE = "webjobs-blobtrigger-poison"


def send_to_poison_queue(queues: QueueServiceClient, function_name: str, blob: BlobVersion) -> None:
    """Leave a message for an operator; storage errors pass."""
    message = {
        "FunctionId": f"Host.Functions.{function_name}",
        "BlobType": blob.blob_type,
        "ContainerName": blob.container,
        "BlobName": blob.name,
        "ETag": blob.etag,
    }
    queue = queues.get_queue_client(POISON_QUEUE)
    with suppress(ResourceExistsError):
        queue.create_queue()
    # The host writes Base64, and never lets these messages expire.
    queue.send_message(base64.b64encode(json.dumps(message).encode()).decode(), time_to_live=-1)
