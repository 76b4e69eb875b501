"""A queue beside that of the jobs, in Azure Queue Storage (or Azurite): it delays no job, and its messages end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from azure.storage.queue import QueueClient, QueueServiceClient

from service.errors import BlobExists, NotFound
from service.storage.account import translated


@dataclass(frozen=True)
class SideMessage:
    """A received message.

    Attributes:
        receipt: each `hide` makes it stale, and returns another.
    """

    id: str
    receipt: str
    text: str
    dequeue_count: int


class SideQueue:
    """Sends, receives, hides and deletes; all methods raise StorageUnavailable where storage is away.

    Args:
        name: of the queue.
        what: what it holds, for error texts.
        kept_s: time after which storage forgets a message.
    """

    def __init__(self, service: QueueServiceClient, name: str, what: str, kept_s: int) -> None:
        self._queue: QueueClient = service.get_queue_client(name)
        self._what = what
        self._kept_s = kept_s

    @property
    def name(self) -> str:
        return str(self._queue.queue_name)

    def exists(self) -> bool:
        """Return whether the queue is there."""
        try:
            self.length()
        except NotFound:
            return False
        return True

    def ensure(self) -> None:
        """Create the queue where it does not exist."""
        with suppress(BlobExists), translated(f"creating the queue of {self._what}", exists=BlobExists()):
            self._queue.create_queue()

    def send(self, text: str, after_s: int = 0) -> None:
        """Send a message that appears after a time; a queue that is not there yet is created."""
        try:
            self._send(text, after_s)
        except NotFound:
            self.ensure()
            self._send(text, after_s)

    def _send(self, text: str, after_s: int) -> None:
        with translated(f"sending to the queue of {self._what}", missing=NotFound()):
            self._queue.send_message(text, visibility_timeout=after_s, time_to_live=self._kept_s)

    def receive_text(self, hidden_s: int) -> SideMessage | None:
        """Receive the next message, hidden from others for `hidden_s` seconds; None where none waits."""
        with translated(f"receiving from the queue of {self._what}"):
            message = self._queue.receive_message(visibility_timeout=hidden_s)
        if message is None:
            return None
        return SideMessage(message.id, str(message.pop_receipt), str(message.content), int(message.dequeue_count or 0))

    def hide(self, message: SideMessage, hidden_s: int) -> SideMessage:
        """Hide a message for `hidden_s` seconds from now. Raises NotFound where it is gone, or another received it."""
        gone = NotFound()
        with translated(f"hiding a message of the queue of {self._what}", missing=gone, stale=gone):
            updated = self._queue.update_message(message.id, message.receipt, visibility_timeout=hidden_s)
        return replace(message, receipt=str(updated.pop_receipt))

    def delete(self, message: SideMessage) -> None:
        """Delete a message; one that another worker received meanwhile stays."""
        gone = NotFound()
        with suppress(NotFound), translated(f"deleting from the queue of {self._what}", missing=gone, stale=gone):
            self._queue.delete_message(message.id, message.receipt)

    def length(self) -> int:
        """Return the approximate number of messages that wait or are in work. Raises NotFound."""
        with translated(f"asking for the length of the queue of {self._what}", missing=NotFound()):
            return int(self._queue.get_queue_properties().approximate_message_count or 0)
