"""Storage for the local stack's tests, and the function runner as the process that it is."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from infra.local.azurite import Azurite, start_azurite
from infra.local.loopback import free_ports, http_status
from infra.local.part import Part
from tests.cloud_function.stand_in import StandIn, serving


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with start_azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def service() -> Iterator[StandIn]:
    with serving(StandIn()) as stand_in:
        yield stand_in


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    """A new container, gone after the test so that no later runner finds its blobs."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as storage:
        created = storage.create_container(str(uuid.uuid4()))
        yield created
        created.delete_container()


@pytest.fixture
def new_runner(azurite: Azurite, service: StandIn, tmp_path: Path) -> Iterator[Callable[..., Part]]:
    """A runner of the real function app in front of the stand-in service; one state file a test."""
    started: list[Part] = []

    def new(*options: str, **environ: str) -> Part:
        port = free_ports(1)[0]
        argv = [sys.executable, "-m", "infra.local.runner", "--state", str(tmp_path / "delivered.json")]
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
            log_file=tmp_path / "functions.log",
            environ=settings | environ,
            is_ready=lambda _: http_status(status_url) == 200,
            folder=Path(__file__).resolve().parents[2],
        )
        started.append(runner)
        runner.start()
        return runner

    yield new
    for runner in started:
        runner.stop()
