"""The function runner as the process that it is, in front of a stand-in for the service."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from infra.local.azurite import Azurite, start_azurite
from infra.local.loopback import free_ports, http_status
from infra.local.part import Part
from tests.cloud_function.stand_in import StandIn, serving


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Storage of a file's own: a runner delivers every blob that it finds."""
    with start_azurite(tmp_path_factory.mktemp("azurite"), access_log=True) as running:
        yield running


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with serving(StandIn()) as service:
        yield service


@pytest.fixture
def service(stand_in: StandIn) -> Iterator[StandIn]:
    """The service of the shared runner, without what other tests have asked of it."""
    usual = StandIn()
    yield stand_in
    stand_in.status, stand_in.body = usual.status, usual.body
    stand_in.requests.clear()


@pytest.fixture(scope="module")
def runner(azurite: Azurite, stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """The runner that tests share which need no other settings; it follows the access log."""
    log = ("--access-log", str(azurite.part.log_file))
    with _running(azurite, stand_in, tmp_path_factory.mktemp("runner"), *log) as running:
        yield running


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """A new container, gone after the test so that no later runner finds its blobs."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        created = storage.create_container(str(uuid.uuid4()))
        yield created
        created.delete_container()


@pytest.fixture
def own_service() -> Iterator[StandIn]:
    with serving(StandIn()) as service:
        yield service


@pytest.fixture
def new_runner(azurite: Azurite, own_service: StandIn, tmp_path: Path) -> Iterator[Callable[..., Part]]:
    """Start a runner with these settings, in front of a service of its own: the shared one sees the blobs as well."""
    with ExitStack() as stack:
        yield lambda *options, **environ: stack.enter_context(
            _running(azurite, own_service, tmp_path, *options, **environ)
        )


@contextmanager
def _running(azurite: Azurite, service: StandIn, folder: Path, *options: str, **environ: str) -> Iterator[Part]:
    """A runner of the real function app in front of the stand-in service, with a state file of its own."""
    port = free_ports(1)[0]
    argv = [sys.executable, "-m", "infra.local.runner", "--state", str(folder / "delivered.json")]
    argv += ["--port", str(port), "--poll-s", "0.1", "--first-wait-s", "0.05", *options]
    settings = {
        "PATH": os.environ["PATH"],
        "SERVICE_URL": service.url,
        "MEDIA_STORAGE": azurite.connection_string,
        "FUNCTION_KEY": "the-key",
    }
    status_url = f"http://127.0.0.1:{port}/admin/host/status"
    runner = Part(
        "functions",
        argv,
        log_file=folder / "functions.log",
        environ=settings | environ,
        is_ready=lambda _: http_status(status_url) == 200,
        folder=Path(__file__).resolve().parents[2],
    )
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()
