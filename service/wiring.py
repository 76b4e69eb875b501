"""Compose the web application, the worker and the local pipeline from the settings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from service import tracing
from service.engine.bundled import fetch_missing_networks
from service.engine.installed import Engine
from service.errors import StorageUnavailable
from service.health import Ping, StatusServer
from service.identity.installed import is_wanted as identity_is_wanted
from service.jobs.backend import JobBackend
from service.jobs.callbacks import CallbackRules
from service.jobs.queue_metrics import QueueMetrics
from service.logs import log
from service.sandbox.disk_budget import DiskBudget
from service.sandbox.memory import worker_memory
from service.sandbox.workspace import Workspace
from service.settings import Settings
from service.storage.account import identity_of
from service.storage.blob_store import Blobs
from service.storage.folder import FolderBlobs
from service.worker.attempt import WorkerContext
from service.worker.callback_thread import CallbackThread
from service.worker.canary import Canary
from service.worker.canary_record import recorded
from service.worker.engine_pool import EnginePool
from service.worker.limits import MIB, Limits
from service.worker.media_probe import Prober
from service.worker.pipeline import PeopleRecogniser, Pipeline
from service.worker.receiver import FOREVER, Capacity, Lifetime
from service.worker.report_thread import ReportThread
from service.worker.shutdown import Shutdown
from service.worker.worker import EXIT_OK, Worker

if TYPE_CHECKING:
    from flask import Flask
    from flask_openapi3 import OpenAPI

    from service.results.report.cache import ReportCache
    from service.results.study.make import StudyMaker

STORAGE_RETRY_S = 2.0


def web_app(settings: Settings) -> Flask:
    """The web application of one gunicorn process."""
    # Imported here: no other command needs a web framework.
    from service.web.access.auth import Authenticator
    from service.web.app import create_app
    from service.web.services import Services

    tracing.configure(settings, "web", identity_of(settings))
    services = Services.connect(settings)
    services.analyser.start()
    # On a thread: while storage is away the process answers with 503 where it needs storage.
    storage = threading.Thread(
        target=create_storage_when_available, args=(services, Shutdown(0.0)), name="create-storage", daemon=True
    )
    storage.start()
    return create_app(services, Authenticator(settings), identity_extension(settings))


def identity_extension(settings: Settings) -> Callable[[OpenAPI], None]:
    """The function that adds identity's routes to the application; adds nothing where IDENTITY is off.

    Raises:
        BadSettings: IDENTITY is on, and its packages are missing.
    """
    if not identity_is_wanted(settings):
        return lambda app: None
    # Imported here: the packages of the extra need not be installed.
    from service.identity.services import IdentityServices
    from service.web.identity.app import add_identity

    identity = IdentityServices(settings)
    identity.embedder.start()
    return lambda app: add_identity(app, identity, legacy=settings.identity_legacy)


def run_worker(settings: Settings, lifetime: Lifetime) -> int:
    """Work on the queue's jobs until stopped or the lifetime is over; returns the exit code.

    Raises:
        BadSettings: no storage account.
        EngineUnavailable: no engine, so no message is received.
    """
    shutdown = Shutdown(settings.shutdown_grace_s)
    shutdown.listen()
    tracing.configure(settings, "worker", identity_of(settings))
    backend = JobBackend.connect(settings)
    with closing(Workspace(settings.workspace)) as workspace:
        ready = worker(settings, backend, workspace, shutdown, lifetime)
        with closing(ready), status_server(settings, backend, ready):
            code = EXIT_OK
            # A worker that leaves when idle does not wait for the end of an outage.
            if create_storage_when_available(backend, shutdown, within_s=lifetime.until_idle_s):
                backend.check_clock()
                code = ready.run()
    tracing.close()
    return code


def worker(
    settings: Settings, backend: JobBackend, workspace: Workspace, shutdown: Shutdown, lifetime: Lifetime = FOREVER
) -> Worker:
    """A worker that receives nothing yet. Raises EngineUnavailable."""
    context = WorkerContext(
        queue=backend.queue,
        table=backend.table,
        submitter=backend.submitter,
        callbacks=backend.callback_queue,
        blobs=backend.blobs,
        pipeline=pipeline(settings, backend.blobs, backend.blobs, workspace),
        worker_name=settings.worker_name,
        results_container=settings.results_container,
        max_attempts=settings.max_attempts,
    )
    return Worker(
        context,
        shutdown,
        settings.worker_name,
        settings.lease_s,
        capacity(settings, context.pipeline.engine),
        lifetime,
        canary=canary(settings, context.pipeline),
        reports=report_thread(settings, backend, shutdown),
        callbacks=callback_thread(settings, backend, shutdown),
    )


def callback_thread(settings: Settings, backend: JobBackend, shutdown: Shutdown) -> CallbackThread | None:
    """The thread that calls those whom jobs name; None where CALLBACK_HOSTS names no host."""
    secret = settings.callback_secret
    if not settings.callback_hosts or secret is None:
        return None
    rules = CallbackRules.of(settings)
    return CallbackThread(
        calls=backend.callback_queue,
        table=backend.table,
        rules=rules,
        secret=secret.get_secret_value(),
        shutdown=shutdown,
    )


def report_thread(settings: Settings, backend: JobBackend, shutdown: Shutdown) -> ReportThread:
    """The thread that makes what web asks for: of studies, and reports where REPORTS_BY says so."""
    container, memory_bytes = settings.results_container, worker_memory(settings).decoder_mb * MIB

    def reports() -> ReportCache:
        # Loaded where it is wanted: few workers make reports.
        from service.results.report.cache import ReportCache

        return ReportCache(backend.blobs, settings.workspace, memory_bytes=memory_bytes)

    def studies() -> StudyMaker:
        from service.results.study.make import StudyMaker

        return StudyMaker(backend.table, backend.blobs, container, settings.workspace, memory_bytes)

    return ReportThread(
        requests=backend.report_queue,
        table=backend.table,
        blobs=backend.blobs,
        reports=reports,
        studies=studies,
        results_container=container,
        shutdown=shutdown,
    )


def canary(settings: Settings, pipeline: Pipeline) -> Canary:
    """The reference picture by this worker's engine, against its record. Raises BadSettings."""
    record = recorded(pipeline.engine, settings.canary_records)
    return Canary(pipeline, record, every_s=settings.canary_every_s, withdraw=settings.canary_withdraw)


def status_server(settings: Settings, backend: JobBackend, ready: Worker) -> StatusServer:
    """The worker's `/metrics`, `/healthz` and `/readyz` on METRICS_PORT. Raises BadSettings."""
    pings: dict[str, Ping] = {
        "blobs": backend.blobs.ping,
        "queue": backend.queue.length,
        "table": backend.table.ping,
        "engine": lambda: Engine.find(settings.openface_bin_dir),
    }
    if ready.canary:
        pings["canary"] = ready.canary.ping
    return StatusServer(settings.metrics_host, settings.metrics_port, pings, QueueMetrics(backend.queue))


def capacity(settings: Settings, engine: Engine) -> Capacity:
    """A batch for each engine, and one that is fetched meanwhile, of at most some seconds of the worker's own work.

    Less than a heartbeat's, where an engine that runs takes what comes; where each batch is a start of the engine,
    enough that the start is a small part.
    """
    batches = settings.engines + 1
    return Capacity(videos=batches, items=batches * settings.batch_images, hold_s=4.0 if engine.reads_lines else 16.0)


def pipeline(
    settings: Settings, source: Blobs, results: Blobs, workspace: Workspace, *, replacing: bool = False
) -> Pipeline:
    """The pipeline with the engine that the settings name. Raises EngineUnavailable."""
    engine = Engine.find(settings.openface_bin_dir)
    fetch_missing_networks(engine)
    limits = Limits.of(settings)
    return Pipeline(
        source=source,
        results=results,
        engines=EnginePool(
            engine,
            workspace,
            processes=settings.engines,
            batch=settings.batch_images,
            others=engines_available(settings),
        ),
        prober=Prober(workspace, limits.of_media, children=1, waiting=capacity(settings, engine).items),
        workspace=workspace,
        limits=limits,
        disk=DiskBudget(settings.workspace_mb * MIB if settings.workspace_mb else workspace.free_bytes * 9 // 10),
        replacing=replacing,
        recogniser=recogniser(settings),
    )


def engines_available(settings: Settings) -> dict[str, Engine]:
    """Find the engines that jobs can choose by name. Raises EngineUnavailable."""
    return {name: Engine.find(folder) for name, folder in settings.engine_folders.items()}


def recogniser(settings: Settings) -> PeopleRecogniser | None:
    """The recogniser of people in results; None where IDENTITY is off. Raises BadSettings."""
    if not identity_is_wanted(settings):
        return None
    from service.identity.recogniser import Recogniser
    from service.identity.services import IdentityServices

    return Recogniser(IdentityServices(settings))


@contextmanager
def local_pipeline(settings: Settings, root: Path, out: Path) -> Iterator[Pipeline]:
    """The pipeline from a folder to a folder. Raises EngineUnavailable."""
    with (
        closing(Workspace(settings.workspace)) as workspace,
        closing(pipeline(settings, FolderBlobs(root), FolderBlobs(out), workspace, replacing=True)) as ready,
    ):
        yield ready


def create_storage_when_available(backend: JobBackend, shutdown: Shutdown, within_s: float = inf) -> bool:
    """Create the queues, the table and the results container; retry until storage answers or `shutdown` is set.

    Returns:
        Whether they are there; False where storage was away for `within_s` seconds.
    """
    until = time.monotonic() + within_s
    while not shutdown.asked:
        try:
            backend.create_storage()
            return True
        except StorageUnavailable as error:
            log.warning("storage.not_ready", error=error.message)
            if time.monotonic() >= until:
                return False
            shutdown.wait(min(STORAGE_RETRY_S, max(0.0, until - time.monotonic())))
    return True
