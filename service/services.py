"""One storage account and what is done with it, as `wiring` puts it together."""

from __future__ import annotations

from dataclasses import dataclass

from service.faces.analyst import Analyst
from service.queue_watch import QueueWatch
from service.report.keeping import Reports
from service.settings import Settings
from service.storage.azure_blobs import AzureBlobs
from service.storage.job_queue import JobQueue
from service.storage.job_table import JobTable
from service.submit import Desk


@dataclass(frozen=True)
class Services:
    """One storage account, and what is done with it."""

    settings: Settings
    blobs: AzureBlobs
    queue: JobQueue
    queue_watch: QueueWatch
    table: JobTable
    desk: Desk
    analyst: Analyst
    reports: Reports
