"""Real storage for every test that wants it, started once a run; an environment without strays."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import structlog

from infra.local.azurite import Azurite, start_azurite
from service.sandbox import confinement
from service.settings import Settings
from service.web.services import Services
from tests.fixtures.cut_off import CutOffStorage

MEDIA = Path(__file__).parent / "fixtures" / "media"
ASTRONAUT = MEDIA / "astronaut.png"


def log_plainly() -> None:
    """Log as structlog does by itself, but with plain tracebacks: drawing one takes half a second."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


log_plainly()


@pytest.fixture(autouse=True)
def _no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the developer's own shell must not decide a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("SETTINGS_FILE", raising=False)
    # Stand-ins of engines and children import what lies around them.
    monkeypatch.setenv("SANDBOX_READABLE", str(Path(__file__).parent))
    confinement.configure(_settings_of_tests())


@cache
def _settings_of_tests() -> Settings:
    """Load settings once: thousands of tests would each spend milliseconds on it."""
    return Settings.load()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with start_azurite(tmp_path_factory.mktemp("azurite"), in_memory=True) as running:
        yield running


@dataclass(frozen=True)
class StorageAccount:
    """Storage of one test's own: names that no other test uses, on the shared Azurite."""

    settings: Settings
    services: Services
    container: str

    def put(self, name: str, content: bytes | Path, container: str | None = None) -> str:
        """Upload; returns the ETag."""
        container = container or self.container
        self.services.blobs.upload(container, name, content, content_type="application/octet-stream")
        return self.services.blobs.info(container, name).etag

    def new_container(self) -> str:
        name = str(uuid.uuid4())
        self.services.blobs.ensure_container(name)
        return name


@pytest.fixture
def account(azurite: Azurite, tmp_path: Path) -> StorageAccount:
    return account_on(azurite, tmp_path)


def account_on(azurite: Azurite | CutOffStorage, tmp_path: Path) -> StorageAccount:
    """New names on an Azurite."""
    mark = uuid.uuid4().hex[:12]
    settings = Settings.load(
        {
            "AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "QUEUE_NAME": f"jobs-{mark}",
            "TABLE_NAME": f"jobs{mark}",
            "RESULTS_CONTAINER": f"results-{mark}",
            "WORKSPACE": str(tmp_path / "workspace"),
        }
    )
    services = Services.connect(settings)
    services.create_storage()
    container = str(uuid.uuid4())
    services.blobs.ensure_container(container)
    return StorageAccount(settings, services, container)


FIRST = ("acceptance", "integration/worker", "integration/web", "infra", "integration", "openface_lite", "unit")
"""Folders in the order in which their tests begin: what takes long early, so that nothing runs alone at last."""

TOGETHER = ("integration/identity", "cloud_function")
"""Folders whose files share what takes long to start."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort, and keep a file's tests on one worker of xdist, for the stacks that they share; some files share one."""
    items.sort(key=lambda item: _turn(item.path))
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(_group(item.path)))


def _group(path: Path) -> str:
    place = path.relative_to(Path(__file__).parent)
    return next((folder for folder in TOGETHER if place.is_relative_to(folder)), place.as_posix())


def _turn(path: Path) -> int:
    folder = path.parent.relative_to(Path(__file__).parent).as_posix()
    return next((turn for turn, first in enumerate(FIRST) if folder.startswith(first)), len(FIRST))


def pytest_report_header() -> str:
    return f"browser required: {os.environ.get('REQUIRE_BROWSER', '0')}"
