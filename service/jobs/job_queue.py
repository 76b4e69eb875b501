"""The queue of jobs and its poison queue, in Azure Queue Storage (or Azurite)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from azure.storage.queue import QueueClient, QueueServiceClient

from service.errors import AnalysisError, BlobExists, NotFound
from service.storage.account import date_of, translated

FOREVER_S = -1

LOOK_S = 60
"""How long held messages stay hidden from others if the process that holds them dies."""

BATCH = 32
"""Most messages that storage hands out at once."""


@dataclass(frozen=True)
class Message:
    """A received message: raw text, so that one that cannot be decoded can be moved to the poison queue.

    Attributes:
        receipt: the pop receipt; each change of visibility returns a new one and makes this stale.
        sent: when it was put into this queue.
    """

    id: str
    receipt: str
    text: str
    dequeue_count: int
    sent: datetime | None = None


class MessageGone(NotFound):
    """The message was deleted, or became visible and was received by another worker."""

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
        """Receive the next message, hidden from others for `hidden_s` seconds; None where none waits."""
        return next(iter(self.receive_several(hidden_s, 1)), None)

    def receive_several(self, hidden_s: int, most: int) -> list[Message]:
        """Receive the next messages, at most `most` (and `BATCH`), in one call."""
        received = self._jobs.receive_messages(
            messages_per_page=min(most, BATCH), max_messages=min(most, BATCH), visibility_timeout=hidden_s
        )
        with translated("receiving from the queue"):
            return [_message(message) for message in next(received.by_page(), ())]

    def hide(self, message: Message, hidden_s: int) -> Message:
        """Hide for `hidden_s` from now, 0 to release; return it with its new receipt. Raises MessageGone."""
        with translated("hiding a message", missing=MessageGone(), stale=MessageGone()):
            updated = self._jobs.update_message(message.id, message.receipt, visibility_timeout=hidden_s)
        return replace(message, receipt=str(updated.pop_receipt))

    def delete(self, message: Message) -> None:
        """Raises MessageGone."""
        with translated("deleting a message", missing=MessageGone(), stale=MessageGone()):
            self._jobs.delete_message(message.id, message.receipt)

    def send_to_poison(self, text: str) -> None:
        """Put a copy of a message, word for word, into the poison queue."""
        with translated("sending to the poison queue"):
            self._poison.send_message(text, time_to_live=FOREVER_S)

    def length(self) -> int:
        """Return the approximate number of messages that wait or are in work."""
        return self.length_and_date()[0]

    def length_and_date(self) -> tuple[int, datetime | None]:
        """Return `length` and the server's time."""
        dates: list[str] = []
        with translated("asking for the queue's length"):
            properties = self._jobs.get_queue_properties(
                raw_response_hook=lambda answer: dates.append(answer.http_response.headers.get("Date", ""))
            )
        return int(properties.approximate_message_count or 0), date_of(dates[-1]) if dates else None

    def poison_length(self) -> int:
        """Return the approximate number of messages in the poison queue."""
        with translated("asking for the poison queue's length"):
            return int(self._poison.get_queue_properties().approximate_message_count or 0)

    def poisoned(self, most: int = 32) -> list[str]:
        """Peek at the texts at the head of the poison queue."""
        with translated("looking into the poison queue"):
            return [str(message.content) for message in self._poison.peek_messages(max_messages=most)]

    def oldest_waiting(self) -> datetime | None:
        """Return when the message at the head of the queue was put in; None where none is visible."""
        with translated("looking into the queue"):
            head = self._jobs.peek_messages(max_messages=1)
        return head[0].inserted_on if head else None

    def absent(self) -> list[str]:
        """Return the names of those of the two queues that do not exist."""
        return [client.queue_name for client in (self._jobs, self._poison) if not _exists(client)]

    def hold_waiting(self) -> HeldMessages:
        """Hold all messages of the job queue; workers receive none meanwhile."""
        return HeldMessages(self._jobs)

    def hold_poisoned(self) -> HeldMessages:
        """Hold all messages of the poison queue, since peeking shows no more than a queue's head."""
        return HeldMessages(self._poison)


class HeldMessages:
    """All messages of a queue, hidden from others for a while; use as a context manager.

    Messages that were not deleted become visible again at the end, unchanged; if the process dies before, after
    `LOOK_S` seconds.
    """

    def __init__(self, client: QueueClient) -> None:
        self._client = client
        self._held: dict[str, Message] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for message in self._held.values():
            # If it is gone or storage is away it becomes visible by itself, and the first error is the one to report.
            with suppress(AnalysisError), translated("releasing a message", missing=MessageGone(), stale=MessageGone()):
                self._client.update_message(message.id, message.receipt, visibility_timeout=0)

    def messages(self) -> Iterator[Message]:
        """Yield every message that no other process holds, once each."""
        seen: set[str] = set()
        while batch := self._receive():
            # A message that became visible meanwhile comes with a new receipt.
            self._held |= {message.id: message for message in batch}
            fresh = [message for message in batch if message.id not in seen]
            if not fresh:
                return
            seen |= {message.id for message in fresh}
            yield from fresh

    def delete(self, message: Message) -> None:
        """Delete a message. Raises MessageGone where another process holds it now."""
        receipt = self._held.get(message.id, message).receipt
        with translated("deleting a message", missing=MessageGone(), stale=MessageGone()):
            self._client.delete_message(message.id, receipt)
        self._held.pop(message.id, None)

    def _receive(self) -> list[Message]:
        pages = self._client.receive_messages(messages_per_page=BATCH, visibility_timeout=LOOK_S).by_page()
        with translated("looking into the poison queue"):
            return [_message(received) for received in next(pages, ())]


def _message(received: Any) -> Message:
    return Message(
        id=str(received.id),
        receipt=str(received.pop_receipt),
        text=str(received.content),
        dequeue_count=int(received.dequeue_count or 0),
        sent=received.inserted_on,
    )


def _exists(client: QueueClient) -> bool:
    try:
        with translated("asking for a queue", missing=NotFound()):
            client.get_queue_properties()
    except NotFound:
        return False
    return True
