"""The queue of reports to be made, in Azure Queue Storage (or Azurite): apart from jobs, which it must not delay.

A request's text is a job's id, or names a study; a worker of a release that knows no studies drops these.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from azure.storage.queue import QueueClient, QueueServiceClient

from service.errors import BlobExists, NotFound
from service.jobs.study_request import StudyRequest
from service.storage.account import translated

SUFFIX = "-reports"
KEPT_S = 24 * 3600
"""A request that no worker took within a day is forgotten: its caller has left, and the next one asks again."""
JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class ReportRequest:
    """A received request.

    Attributes:
        job_id: empty where the text is none.
        study: None where the text names none.
    """

    id: str
    receipt: str
    job_id: str
    dequeue_count: int
    study: StudyRequest | None = None


class ReportQueue:
    """Sends, receives and deletes requests; all methods raise StorageUnavailable where storage is away."""

    def __init__(self, service: QueueServiceClient, jobs_queue: str) -> None:
        self._queue: QueueClient = service.get_queue_client(f"{jobs_queue}{SUFFIX}")

    def ensure(self) -> None:
        """Create the queue where it does not exist."""
        with suppress(BlobExists), translated("creating the queue of reports", exists=BlobExists()):
            self._queue.create_queue()

    def send(self, text: str) -> None:
        """Ask for the report of a job, by its id, or for what is made of a study, by `StudyRequest.text`."""
        with translated("asking for a report"):
            self._queue.send_message(text, time_to_live=KEPT_S)

    def receive(self, hidden_s: int) -> ReportRequest | None:
        """Receive the next request, hidden from others for `hidden_s` seconds; None where none waits."""
        with translated("receiving from the queue of reports"):
            message = self._queue.receive_message(visibility_timeout=hidden_s)
        if message is None:
            return None
        text = str(message.content)
        job_id = text if JOB_ID.fullmatch(text) else ""
        receipt, count = str(message.pop_receipt), int(message.dequeue_count or 0)
        return ReportRequest(message.id, receipt, job_id, count, StudyRequest.read(text))

    def hide(self, request: ReportRequest, hidden_s: int) -> ReportRequest:
        """Hide a request from others for another `hidden_s` seconds from now. Raises NotFound where it is gone."""
        gone = NotFound()
        with translated("hiding a report's request", missing=gone, stale=gone):
            message = self._queue.update_message(request.id, request.receipt, visibility_timeout=hidden_s)
        return replace(request, receipt=str(message.pop_receipt))

    def delete(self, request: ReportRequest) -> None:
        """Delete a request; one that another worker received meanwhile stays."""
        gone = NotFound()
        with suppress(NotFound), translated("deleting a report's request", missing=gone, stale=gone):
            self._queue.delete_message(request.id, request.receipt)

    def length(self) -> int:
        """Return the approximate number of requests that wait or are in work."""
        with translated("asking for the length of the queue of reports"):
            return int(self._queue.get_queue_properties().approximate_message_count or 0)
