"""The queue of calls to be made when jobs end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from azure.storage.queue import QueueServiceClient

from service.jobs.callbacks import CallbackMessage
from service.jobs.side_queue import SideMessage, SideQueue

SUFFIX = "-callbacks"
KEPT_S = 3 * 24 * 3600
"""Longer than the last try of a call."""


@dataclass(frozen=True)
class PendingCall:
    """A received message; `call` is None where its text is no call."""

    message: SideMessage
    call: CallbackMessage | None

    @property
    def tries(self) -> int:
        """How often it was received, this time included."""
        return self.message.dequeue_count


class CallbackQueue(SideQueue):
    """The queue of one deployment; see `SideQueue`."""

    def __init__(self, service: QueueServiceClient, jobs_queue: str) -> None:
        super().__init__(service, f"{jobs_queue}{SUFFIX}", "callbacks", KEPT_S)

    def announce(self, job_id: str, addresses: Iterable[str], after_s: int = 0) -> None:
        """Ask for calls once the job has ended; harmless to repeat, since receivers know a job by its id."""
        for address in addresses:
            self.send(CallbackMessage(job_id, address).encode(), after_s)

    def receive(self, hidden_s: int) -> PendingCall | None:
        """Receive the next call, hidden from others for `hidden_s` seconds; None where none waits."""
        message = self.receive_text(hidden_s)
        return PendingCall(message, CallbackMessage.decode(message.text)) if message else None
