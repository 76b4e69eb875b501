"""The queue of calls to be made when jobs end, in Azure Queue Storage (or Azurite): apart from jobs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from azure.storage.queue import QueueClient, QueueServiceClient

from service.errors import BlobExists, NotFound
from service.jobs.callbacks import CallbackMessage
from service.storage.account import translated

SUFFIX = "-callbacks"
KEPT_S = 3 * 24 * 3600
"""Longer than the last try of a call."""


@dataclass(frozen=True)
class PendingCall:
    """A received message; `call` is None where its text is no call."""

    id: str
    receipt: str
    call: CallbackMessage | None
    dequeue_count: int


class CallbackQueue:
    """Sends, receives and deletes; all methods raise StorageUnavailable where storage is away."""

    def __init__(self, service: QueueServiceClient, jobs_queue: str) -> None:
        self._queue: QueueClient = service.get_queue_client(f"{jobs_queue}{SUFFIX}")

    def ensure(self) -> None:
        """Create the queue where it does not exist."""
        with suppress(BlobExists), translated("creating the queue of callbacks", exists=BlobExists()):
            self._queue.create_queue()

    def announce(self, job_id: str, addresses: Iterable[str], after_s: int = 0) -> None:
        """Ask for calls once the job has ended; harmless to repeat, since receivers know a job by its id."""
        for address in addresses:
            text = CallbackMessage(job_id, address).encode()
            try:
                self._send(text, after_s)
            except NotFound:
                # Of a record from a time when CALLBACK_HOSTS was set, or of a new storage account.
                self.ensure()
                self._send(text, after_s)

    def _send(self, text: str, after_s: int) -> None:
        with translated("asking for a callback", missing=NotFound()):
            self._queue.send_message(text, visibility_timeout=after_s, time_to_live=KEPT_S)

    def receive(self, hidden_s: int) -> PendingCall | None:
        """Receive the next call, hidden from others for `hidden_s` seconds; None where none waits."""
        with translated("receiving from the queue of callbacks"):
            message = self._queue.receive_message(visibility_timeout=hidden_s)
        if message is None:
            return None
        call = CallbackMessage.decode(str(message.content))
        return PendingCall(message.id, str(message.pop_receipt), call, int(message.dequeue_count or 0))

    def hide(self, pending: PendingCall, hidden_s: int) -> None:
        """Let a call be tried again after `hidden_s` seconds."""
        gone = NotFound()
        with suppress(NotFound), translated("hiding a callback", missing=gone, stale=gone):
            self._queue.update_message(pending.id, pending.receipt, visibility_timeout=hidden_s)

    def delete(self, pending: PendingCall) -> None:
        """Delete a call; one that another worker received meanwhile stays."""
        gone = NotFound()
        with suppress(NotFound), translated("deleting a callback", missing=gone, stale=gone):
            self._queue.delete_message(pending.id, pending.receipt)
