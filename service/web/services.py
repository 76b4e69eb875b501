"""The services behind the routes, kept by the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, cast

from flask import current_app

from service.engine.lite.interactive import InteractiveAnalyser
from service.jobs.backend import JobBackend
from service.jobs.queue_metrics import QueueMetrics
from service.jobs.watcher import JobWatcher
from service.results.proxy.store import ProxyStore
from service.results.report.cache import ReportCache
from service.results.series.store import SeriesStore
from service.results.tidy.store import TidyStore
from service.sandbox.memory import web_memory
from service.settings import Settings

KEY = "faceline"
IS_OWN_GALLERY = "is-own-gallery"
"""Key of the application's extensions: the check that a gallery is the caller's; absent where IDENTITY is off."""


@dataclass(frozen=True)
class Services(JobBackend):
    """The job stores, and the services that only the web application has.

    Attributes:
        queue_metrics: the queues' numbers for `/metrics`.
        analyser: analyses single pictures; its children start with `analyser.start()`.
        watcher: follows jobs for event streams and waiting answers.
        reports: cache of the reports.
        series: cache of the videos' measurements for drawing.
        tidy: cache of the tidy tables.
        proxies: cache of copies of videos for browsers.
    """

    queue_metrics: QueueMetrics
    watcher: JobWatcher
    analyser: InteractiveAnalyser
    reports: ReportCache
    series: SeriesStore
    tidy: TidyStore
    proxies: ProxyStore

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Build the clients; storage need not be reachable yet. Raises BadSettings."""
        jobs = JobBackend.connect(settings)
        ask = jobs.report_queue.send if settings.reports_by == "worker" else None
        memory_bytes = web_memory(settings).child_mb << 20
        return cls(
            **vars(jobs),
            queue_metrics=QueueMetrics(jobs.queue),
            watcher=JobWatcher(jobs.table),
            analyser=InteractiveAnalyser(settings),
            reports=ReportCache(jobs.blobs, settings.workspace, ask, memory_bytes),
            series=SeriesStore(jobs.blobs, settings.workspace, memory_bytes),
            tidy=TidyStore(jobs.blobs, settings.workspace, memory_bytes),
            proxies=ProxyStore(jobs.blobs, settings.workspace, memory_bytes),
        )


def services() -> Services:
    """Return the services of the current application."""
    return cast(Services, current_app.extensions[KEY])


def may_use_gallery(gallery: str) -> bool:
    """Whether IDENTITY is on and the gallery is the caller's. Raises NotFound, Forbidden."""
    is_own: Callable[[str], bool] | None = current_app.extensions.get(IS_OWN_GALLERY)
    return bool(gallery) and is_own is not None and is_own(gallery)
