"""The order of the checks, and which are skipped after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from service.cli.doctor_checks.check import Check, failed, skipped
from service.cli.doctor_checks.engine import commands_check, models_check, probe_check
from service.cli.doctor_checks.machine import decoders_check, workspace_check
from service.cli.doctor_checks.memory import memory_check
from service.cli.doctor_checks.sandbox import sandbox_check
from service.cli.doctor_checks.storage import STORES, service_checks, stores_check
from service.engine.installed import Engine
from service.errors import EngineUnavailable
from service.jobs.backend import JobBackend
from service.sandbox.workspace import Workspace
from service.settings import Settings
from service.worker.limits import Limits


def local_checks(settings: Settings) -> Iterator[Check]:
    """Check the machine and the engine; needs no storage."""
    workspace = workspace_check(settings)
    yield workspace
    yield memory_check(settings)
    engine: Engine | None = None
    try:
        engine = Engine.find(settings.openface_bin_dir)
    except EngineUnavailable as error:
        yield failed("engine", error.message, "install one: `make setup` for openface_lite, or OpenFace itself")
        yield skipped("models", "no engine")
    else:
        yield commands_check(engine)
        yield models_check(engine)
    for name, folder in settings.engine_folders.items():
        yield from _other_engine(name, folder)
    if workspace.status == "failed":
        yield skipped("sandbox", "no workspace")
        yield skipped("decoders", "no workspace")
        yield skipped("probe picture", "no workspace")
        return
    limits = Limits.of(settings)
    with closing(Workspace(settings.workspace)) as own, own.room() as room:
        yield sandbox_check(room)
        yield decoders_check(room, limits.of_media)
        yield probe_check(engine, room, limits) if engine else skipped("probe picture", "no engine")


def _other_engine(name: str, folder: Path) -> Iterator[Check]:
    """Check an engine of ENGINES_AVAILABLE; `doctor --engine` judges it in full."""
    try:
        engine = Engine.find(folder)
    except EngineUnavailable as error:
        yield failed(f"engine {name}", error.message, "correct its folder in ENGINES_AVAILABLE")
        return
    yield replace(commands_check(engine), name=f"engine {name}")
    yield replace(models_check(engine), name=f"models {name}")


def storage_checks(backend: JobBackend) -> Iterator[Check]:
    """Check the storage account; writes nothing."""
    away = False
    for check in service_checks(backend.account):
        away = away or (check.status == "failed" and check.name != "clock")
        yield check
    if away:
        yield skipped(STORES, "storage does not answer")
    else:
        yield stores_check(backend)
