"""The health check of the image, run as the container runs it."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.images.check import REPOSITORY
from infra.local.loopback import free_ports
from service.sandbox.workspace import Workspace

SCRIPT = REPOSITORY / "infra" / "images" / "healthcheck.py"


def check(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=30)


class Answer(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Answer,), {})) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_web_server_that_answers_is_well(server: http.server.ThreadingHTTPServer) -> None:
    assert check("web", PORT=str(server.server_port)).returncode == 0


def test_a_web_server_that_answers_with_an_error_is_not(server: http.server.ThreadingHTTPServer) -> None:
    server.RequestHandlerClass.status = 500  # type: ignore[attr-defined]
    done = check("web", PORT=str(server.server_port))
    assert done.returncode == 1
    assert "500" in done.stderr


def test_a_web_server_that_is_not_there_is_not() -> None:
    assert check("web", PORT=str(free_ports(1)[0])).returncode == 1


def test_a_worker_is_well_while_it_holds_its_workspace(tmp_path: Path) -> None:
    with closing(Workspace(tmp_path)):
        assert check("worker", WORKSPACE=str(tmp_path)).returncode == 0
    done = check("worker", WORKSPACE=str(tmp_path))
    assert done.returncode == 1
    assert "no worker" in done.stderr


def test_a_dead_workers_folder_is_not_a_worker(tmp_path: Path) -> None:
    (tmp_path / "worker-dead").mkdir()
    (tmp_path / "worker-dead" / "lock").touch()
    assert check("worker", WORKSPACE=str(tmp_path)).returncode == 1


def test_a_container_for_a_single_command_is_not_watched() -> None:
    assert check().returncode == 0
