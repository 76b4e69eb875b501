"""The queue of jobs and its poison queue, in Azure Queue Storage (or Azurite)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from azure.storage.queue import QueueClient, QueueServiceClient

from service.errors import BlobExists, NotFound
from service.storage.account import translated

FOREVER_S = -1


@dataclass(frozen=True)
class Message:
    """A received message: raw text, since one that cannot be decoded must still be held to be set aside.

    Attributes:
        receipt: the pop receipt; each change of visibility returns a new one and makes this stale.
    """

    id: str
    receipt: str
    text: str
    dequeue_count: int


class MessageGone(NotFound):
    """The message was deleted, or has become visible and was taken by another worker."""

    code = "message_gone"


class JobQueue:
    """Sends, receives, hides and deletes; all methods raise StorageUnavailable where storage is away."""

    def __init__(self, service: QueueServiceClient, name: str) -> None:
        self._jobs: QueueClient = service.get_queue_client(name)
        self._poison: QueueClient = service.get_queue_client(f"{name}-poison")

    def ensure(self) -> None:
        """Create both queues where they do not exist."""
        for client in (self._jobs, self._poison):
            with suppress(BlobExists), translated("creating a queue", exists=BlobExists()):
                client.create_queue()

    def send(self, text: str) -> None:
        with translated("sending a job to the queue"):
            self._jobs.send_message(text, time_to_live=FOREVER_S)

    def receive(self, hidden_s: int) -> Message | None:
        """The next message, hidden from others for `hidden_s` seconds; None where none waits."""
        with translated("receiving from the queue"):
            received = self._jobs.receive_message(visibility_timeout=hidden_s)
        if received is None:
            return None
        return Message(
            id=str(received.id),
            receipt=str(received.pop_receipt),
            text=str(received.content),
            dequeue_count=int(received.dequeue_count or 0),
        )

    def hide(self, message: Message, hidden_s: int) -> Message:
        """Hide for so long from now, 0 to hand it back; returns it with its new receipt. Raises MessageGone."""
        with translated("hiding a message", missing=MessageGone(), stale=MessageGone()):
            updated = self._jobs.update_message(message.id, message.receipt, visibility_timeout=hidden_s)
        return replace(message, receipt=str(updated.pop_receipt))

    def delete(self, message: Message) -> None:
        """Raises MessageGone."""
        with translated("deleting a message", missing=MessageGone(), stale=MessageGone()):
            self._jobs.delete_message(message.id, message.receipt)

    def send_to_poison(self, text: str) -> None:
        """Set a hopeless message aside, word for word."""
        with translated("sending to the poison queue"):
            self._poison.send_message(text, time_to_live=FOREVER_S)

    def length(self) -> int:
        """About how many messages wait or are in work."""
        with translated("asking for the queue's length"):
            return int(self._jobs.get_queue_properties().approximate_message_count or 0)

    def poisoned(self, most: int = 32) -> list[str]:
        """Texts at the head of the poison queue, left where they are."""
        with translated("looking into the poison queue"):
            return [str(message.content) for message in self._poison.peek_messages(max_messages=most)]
