"""The one file that picks implementations and puts the parts together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service import tracing
from service.canary.comparing import recorded
from service.canary.watch import Canary
from service.doctor.check import Check, failed
from service.doctor.rounds import local_checks, storage_checks
from service.engine_room import EngineRoom
from service.errors import StorageUnavailable
from service.faces.analyst import Analyst
from service.identity.extra import is_wanted as identity_is_wanted
from service.identity.recognising import Recognises
from service.intake import FOREVER, Hands, Shift
from service.item import Shop
from service.logs import log
from service.openface.probe import Engine
from service.pipeline import Limits, Pipeline
from service.prober import Prober
from service.publish import OWN_CONTAINER
from service.purging import Purge
from service.queue_watch import QueueWatch
from service.readiness import Ping
from service.report.keeping import Reports
from service.services import Services
from service.settings import BadSettings, Settings
from service.stopping import Stop
from service.storage.account import Account, identity_of
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import Blobs
from service.storage.folder import FolderBlobs
from service.storage.job_queue import JobQueue
from service.storage.job_table import JobTable
from service.storage.sweep_mark import SweepMark
from service.submit import Desk
from service.sweep import rounds
from service.sweep.finding import Finding, Places
from service.worker import Worker
from service.worker_status import StatusServer
from service.workspace import Workspace

if TYPE_CHECKING:
    from flask import Flask
    from flask_openapi3 import OpenAPI

PREMISES_AGAIN_S = 2.0


def web_services(settings: Settings) -> Services:
    """What the web application needs. Raises BadSettings; storage need not be there yet."""
    account = Account.connect(settings)
    queue, table = (
        JobQueue(account.queues, settings.queue_name),
        JobTable(account.tables, settings.table_name),
    )
    blobs = AzureBlobs(account.blobs)
    return Services(
        settings=settings,
        blobs=blobs,
        queue=queue,
        queue_watch=QueueWatch(queue),
        table=table,
        desk=Desk(table, queue),
        analyst=Analyst(settings),
        reports=Reports(blobs, settings.workspace),
    )


def web_app(settings: Settings) -> Flask:
    """The web application of one gunicorn process."""
    # Here, since nobody else needs a web framework.
    from service.web.app import create_app
    from service.web.auth import Door

    tracing.configure(settings, "web", identity_of(settings))
    services = web_services(settings)
    services.analyst.start()
    # Beside the serving: while storage is away the process answers all the same, with 503 where it needs storage.
    threading.Thread(
        target=open_when_there,
        args=(services, Stop(0.0)),
        name="premises",
        daemon=True,
    ).start()
    return create_app(services, Door.of(settings), identity_extra(settings))


def identity_extra(settings: Settings) -> Callable[[OpenAPI], None]:
    """What IDENTITY adds to the application: nothing where it is off. Raises BadSettings."""
    if not identity_is_wanted(settings):
        return lambda app: None
    # Here, since their packages need not be installed.
    from service.identity.office import Identity
    from service.web.identity_app import add_identity

    identity = Identity(settings)
    identity.embedder.start()
    return lambda app: add_identity(app, identity, legacy=settings.identity_legacy)


def run_worker(settings: Settings, shift: Shift) -> int:
    """Work the queue until told to stop or the shift is over; returns the exit code.

    Raises:
        BadSettings: no storage account.
        EngineUnavailable: no engine, so no message is taken.
    """
    stop = Stop(settings.shutdown_grace_s)
    stop.listen()
    tracing.configure(settings, "worker", identity_of(settings))
    services = web_services(settings)
    with closing(Workspace(settings.workspace)) as workspace:
        ready = worker(settings, services, workspace, stop, shift)
        with closing(ready), status_server(settings, services, ready):
            open_when_there(services, stop)
            code = ready.run()
    tracing.close()
    return code


def worker(settings: Settings, services: Services, workspace: Workspace, stop: Stop, shift: Shift = FOREVER) -> Worker:
    """A worker that takes nothing yet. Raises EngineUnavailable."""
    shop = Shop(
        queue=services.queue,
        table=services.table,
        desk=services.desk,
        blobs=services.blobs,
        pipeline=pipeline(settings, services.blobs, services.blobs, workspace),
        worker_name=settings.worker_name,
        results_container=settings.results_container,
        max_attempts=settings.max_attempts,
    )
    return Worker(
        shop,
        stop,
        settings.worker_name,
        settings.lease_s,
        hands(settings),
        shift,
        canary=canary(settings, shop.pipeline),
    )


def canary(settings: Settings, way: Pipeline) -> Canary:
    """The reference picture by this worker's engine, against what was recorded of it. Raises BadSettings."""
    record = recorded(way.engine, settings.canary_records)
    return Canary(way, record, every_s=settings.canary_every_s, withdraw=settings.canary_withdraw)


def status_server(settings: Settings, services: Services, ready: Worker) -> StatusServer:
    """What a worker tells on METRICS_PORT. Raises BadSettings."""
    pings: dict[str, Ping] = {
        "blobs": services.blobs.ping,
        "queue": services.queue.length,
        "table": services.table.ping,
        "engine": lambda: Engine.find(settings.openface_bin_dir),
    }
    if ready.canary:
        pings["canary"] = ready.canary.ping
    return StatusServer(settings.metrics_host, settings.metrics_port, pings, services.queue_watch)


def hands(settings: Settings) -> Hands:
    """A batch for each engine, and one that is fetched meanwhile."""
    return Hands(videos=settings.engines + 1, items=(settings.engines + 1) * settings.batch_images)


def pipeline(
    settings: Settings, source: Blobs, results: Blobs, workspace: Workspace, *, replacing: bool = False
) -> Pipeline:
    """The way of a media item, with the engine that the settings name. Raises EngineUnavailable."""
    engine = Engine.find(settings.openface_bin_dir)
    limits = Limits.of(settings)
    return Pipeline(
        source=source,
        results=results,
        engines=EngineRoom(engine, workspace, engines=settings.engines, batch=settings.batch_images),
        prober=Prober(workspace, limits.of_media, children=1, waiting=hands(settings).items),
        workspace=workspace,
        limits=limits,
        replacing=replacing,
        recogniser=recogniser(settings),
    )


def recogniser(settings: Settings) -> Recognises | None:
    """Who tells people apart; nobody where IDENTITY is off. Raises BadSettings."""
    if not identity_is_wanted(settings):
        return None
    from service.identity.office import Identity
    from service.identity.recogniser import Recogniser

    return Recogniser(Identity(settings))


@contextmanager
def local_pipeline(settings: Settings, root: Path, out: Path) -> Iterator[Pipeline]:
    """The same way from a folder to a folder. Raises EngineUnavailable."""
    with (
        closing(Workspace(settings.workspace)) as workspace,
        closing(pipeline(settings, FolderBlobs(root), FolderBlobs(out), workspace, replacing=True)) as way,
    ):
        yield way


def open_premises(services: Services) -> None:
    """Create the queues, the table and the results container where they are missing. Raises StorageUnavailable."""
    services.queue.ensure()
    services.table.ensure()
    if services.settings.results_container != OWN_CONTAINER:
        services.blobs.ensure_container(services.settings.results_container)


def open_when_there(services: Services, stop: Stop) -> None:
    """The same, again and again until storage is there."""
    while not stop.asked:
        try:
            open_premises(services)
            return
        except StorageUnavailable as error:
            log.warning("storage.not_ready", error=error.message)
            stop.wait(PREMISES_AGAIN_S)


def sweep(services: Services, owner: str, *, grace: timedelta, mend: bool) -> Iterator[Finding]:
    """Look for what fell through in this storage account. Raises Conflict, RecordChanged."""
    settings = services.settings
    places = Places(
        services.blobs,
        services.queue,
        services.table,
        services.desk,
        settings.results_container,
        settings.default_media_type,
    )
    mark = SweepMark(Account.connect(settings).tables, settings.table_name)
    yield from rounds.sweep(places, mark, owner, grace=grace, mend=mend)
    if identity_is_wanted(settings):
        from service.identity.office import Identity
        from service.sweep.expired import overdue

        with closing(Identity(settings)) as identity:
            yield from overdue(identity.store, mend=mend)


@contextmanager
def purge(services: Services) -> Iterator[Purge]:
    """Who deletes. Raises BadSettings."""
    settings = services.settings
    parts = services.blobs, services.queue, services.table
    if not identity_is_wanted(settings):
        yield Purge(*parts, settings.results_container, forget=lambda job_ids: 0)
        return
    from service.identity.office import Identity
    from service.identity.rights import forget_jobs

    with closing(Identity(settings)) as identity:
        yield Purge(*parts, settings.results_container, forget=lambda job_ids: forget_jobs(identity.store, job_ids))


def purge_person(services: Services, gallery: str, person_id: str) -> dict[str, Any]:
    """Delete someone, where IDENTITY is on; the receipt. Raises NotFound, BadSettings."""
    from service.identity.erasing import erase_person
    from service.identity.office import Identity

    with closing(Identity(services.settings)) as identity:
        receipt, changed = erase_person(identity.store, services.blobs, gallery, person_id)
    told = asdict(receipt) | {"deleted": receipt.deleted.isoformat(timespec="seconds")}
    return {"gallery": gallery, "is_done": True, **told, "results_changed": changed}


def person_held(services: Services, gallery: str, person_id: str) -> dict[str, Any]:
    """What would be deleted of someone. Raises NotFound, BadSettings."""
    from service.identity.office import Identity
    from service.identity.rights import export_person

    with closing(Identity(services.settings)) as identity:
        held = export_person(identity.galleries, gallery, person_id)
    mentioned = [asdict(each) for each in held.mentioned_in]
    faces = len(held.faces)
    return {
        "gallery": gallery,
        "is_done": False,
        "person_id": person_id,
        "embeddings": faces,
        "mentioned_in": mentioned,
    }


def examine(settings: Settings, *, fix: bool) -> Iterator[Check]:
    """Look at everything that web and worker need; `fix` creates what is missing in storage."""
    yield from local_checks(settings)
    try:
        account, services = Account.connect(settings), web_services(settings)
    except BadSettings as error:
        yield failed("storage", "not configured, or not to be used", str(error))
        return
    if fix:
        # What keeps it from being created is told by the checks.
        with suppress(StorageUnavailable):
            open_premises(services)
    yield from storage_checks(account, services.queue, services.table, services.blobs, settings.results_container)
