"""What the routes need, made by `wiring` and kept by the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from service.faces.analyst import Analyst
from service.queue_watch import QueueWatch
from service.report.keeping import Reports
from service.settings import Settings
from service.storage.azure_blobs import AzureBlobs
from service.storage.job_queue import JobQueue
from service.storage.job_table import JobTable
from service.submit import Desk

KEY = "media-analysis"
IS_OWN_GALLERY = "is-own-gallery"
"""Of the application where IDENTITY is on: whether a gallery is the caller's, else it raises."""


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


def services() -> Services:
    """Those of the application that answers this request."""
    return cast(Services, current_app.extensions[KEY])
