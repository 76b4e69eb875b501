"""The queue of reports, and of what belongs to studies, to be made.

A request's text is a job's id, or names a study; a worker of a release that knows no studies drops these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from azure.storage.queue import QueueServiceClient

from service.jobs.side_queue import SideMessage, SideQueue
from service.jobs.study_request import StudyRequest

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

    message: SideMessage
    job_id: str
    study: StudyRequest | None = None

    @property
    def tries(self) -> int:
        """How often it was received, this time included."""
        return self.message.dequeue_count


class ReportQueue(SideQueue):
    """The queue of one deployment; what is sent is a job's id, or `StudyRequest.text`."""

    def __init__(self, service: QueueServiceClient, jobs_queue: str) -> None:
        super().__init__(service, f"{jobs_queue}{SUFFIX}", "reports", KEPT_S)

    def receive(self, hidden_s: int) -> ReportRequest | None:
        """Receive the next request, hidden from others for `hidden_s` seconds; None where none waits."""
        message = self.receive_text(hidden_s)
        if message is None:
            return None
        job_id = message.text if JOB_ID.fullmatch(message.text) else ""
        return ReportRequest(message, job_id, StudyRequest.read(message.text))

    def hide_request(self, request: ReportRequest, hidden_s: int) -> ReportRequest:
        """Hide a request from others for `hidden_s` seconds from now. Raises NotFound where it is gone."""
        return replace(request, message=self.hide(request.message, hidden_s))
