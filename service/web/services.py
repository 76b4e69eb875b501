"""What the routes need, kept by the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, cast

from flask import current_app

from service.engine.lite.interactive import InteractiveAnalyser
from service.jobs.backend import JobBackend
from service.jobs.queue_metrics import QueueMetrics
from service.results.report.cache import ReportCache
from service.settings import Settings

KEY = "media-analysis"
IS_OWN_GALLERY = "is-own-gallery"
"""Of the application where IDENTITY is on: whether a gallery is the caller's, else it raises."""


@dataclass(frozen=True)
class Services(JobBackend):
    """The job stores, and what only the web application adds to them.

    Attributes:
        queue_watch: the queues' numbers for `/metrics`.
        analyst: answers for single pictures; its children start with `analyser.start()`.
        reports: reports that were made before.
    """

    queue_metrics: QueueMetrics
    analyser: InteractiveAnalyser
    reports: ReportCache

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Build the clients; storage need not be reachable yet. Raises BadSettings."""
        jobs = JobBackend.connect(settings)
        return cls(
            **vars(jobs),
            queue_metrics=QueueMetrics(jobs.queue),
            analyser=InteractiveAnalyser(settings),
            reports=ReportCache(jobs.blobs, settings.workspace),
        )


def services() -> Services:
    """Those of the application that answers this request."""
    return cast(Services, current_app.extensions[KEY])
