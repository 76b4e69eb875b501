"""The application over real storage, with a door and without."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from click.testing import Result
from flask.testing import FlaskClient

from infra.local.loopback import HOST, free_port
from infra.local.stack import LocalStack, StackOptions
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, State, now
from service.jobs.result_place import ResultPlace
from service.results.publish import Artefact, commit, publish_artefacts
from service.settings import Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import SCOPES, new_key
from service.web.app import create_app
from service.web.services import KEY, Services
from tests.conftest import StorageAccount
from tests.fixtures.open_app import open_app
from tests.integration.cli.conftest import CommandLine

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def client_of(services: Services) -> FlaskClient:
    """A client of an application that asks for no keys, over these services; until the next call.

    Made once: an application takes longer to make than most tests to run.
    """
    app = open_app()
    app.extensions[KEY] = services
    return app.test_client()


@pytest.fixture
def client(account: StorageAccount) -> FlaskClient:
    return client_of(account.services)


@dataclass(frozen=True)
class Guarded:
    """An application that asks for keys, and one key of each scope."""

    client: FlaskClient
    keys: dict[str, str]
    file: Path

    def headers(self, name: str) -> dict[str, str]:
        return {"X-API-Key": self.keys[name]}


def guarded(account: StorageAccount, folder: Path, **settings: str) -> Guarded:
    """Keys are named as their scopes, with a dash for the colon."""
    made = {scope: new_key(scope.replace(":", "-"), [scope]) for scope in SCOPES}
    file = folder / "keys"
    file.write_text("".join(f"{key.entry}\n" for _, key in made.values()))
    environ = {"API_KEYS_FILE": str(file), "WEB_WORKERS": "1", **settings}
    app = create_app(account.services, Authenticator(Settings.load(environ)))
    return Guarded(app.test_client(), {name: text for name, (text, _) in made.items()}, file)


@pytest.fixture
def door(account: StorageAccount, tmp_path: Path) -> Callable[..., Guarded]:
    return lambda **settings: guarded(account, tmp_path, **settings)


def make_job(account: StorageAccount, blob: str, state: State = "queued", key_name: str = "") -> JobRecord:
    """A job in a state, with the files that belong to it."""
    options = JobOptions.resolve("image", "wild", {})
    record = account.services.submitter.submit(
        AnalysisJob(account.container, blob, "0x1", "image", "wild", options), TRACE, key_name
    )
    if state == "queued":
        return record
    table = account.services.table
    if state == "cancelled":
        return table.update(record.cancelled(now()))
    running = table.update(record.claimed("w", "a1", 60, now()))
    if state == "running":
        return running
    assert state == "succeeded"
    publish(account, record)
    return table.update(running.succeeded("a1", now()))


def publish(account: StorageAccount, record: JobRecord, csv: bytes = b"face,confidence\n") -> ResultPlace:
    """A result as the worker's attempt `a1` leaves it."""
    place = ResultPlace.of(record.job, account.settings.results_container)
    path = account.settings.workspace.parent / "t.csv"
    path.write_bytes(csv)
    overlay = Artefact("overlay.jpg", b"\xff\xd8\xff\xd9", "image/jpeg")
    publish_artefacts(account.services.blobs, place, "a1", {"schema": 1, "faces": 0}, [overlay])
    commit(account.services.blobs, place, "a1", path, "feed")
    return place


def video_job(account: StorageAccount, csv: Path, table: bytes, media: bytes, size: tuple[int, int]) -> str:
    """A succeeded job of a video with this table; returns its id."""
    etag = account.put("clip.mp4", media)
    job = AnalysisJob(account.container, "clip.mp4", etag, "video", "wild", JobOptions.resolve("video", "wild", {}))
    record = account.services.submitter.submit(job, TRACE)
    running = account.services.table.update(record.claimed("w", "a1", 60, now()))
    place = ResultPlace.of(job, account.settings.results_container)
    csv.write_bytes(table)
    manifest = {"media": {"probe": {"width": size[0], "height": size[1]}}}
    publish_artefacts(account.services.blobs, place, "a1", manifest)
    commit(account.services.blobs, place, "a1", csv, "feed")
    account.services.table.update(running.succeeded("a1", now()))
    return job.job_id


@dataclass(frozen=True)
class Reply:
    """What came back over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """The real web server, with keys, over storage of its own."""

    stack: LocalStack
    keys_file: Path
    admin: str
    metrics_port: int

    @property
    def metrics_folder(self) -> Path:
        """Where its processes keep their numbers."""
        [folder] = (self.keys_file.parent / "workspace").glob("worker-*/metrics")
        return folder

    def ask(
        self,
        target: str | bytes,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        *,
        key: str | None = None,
        body: bytes = b"",
        lines: tuple[bytes, ...] = (),
    ) -> Reply:
        """Send a request byte for byte: clients tidy up what they are given. `key` "" sends none."""
        head = {"Host": HOST, "Connection": "close", **({} if key == "" else {"X-API-Key": key or self.admin})}
        head |= {"Content-Length": str(len(body))} if body else {}
        head |= headers or {}
        raw = target.encode("latin-1") if isinstance(target, str) else target
        first = method.encode() + b" " + raw + b" HTTP/1.1"
        wire = b"\r\n".join([first, *(f"{name}: {value}".encode() for name, value in head.items()), *lines, b"", body])
        with socket.create_connection((HOST, int(self.stack.service_url.rsplit(":", 1)[1])), timeout=30) as connection:
            # What is refused before all of it was read has its answer all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(wire)
            reply = http.client.HTTPResponse(connection, method=method)
            reply.begin()
            return Reply(reply.status, reply.headers, reply.read())

    def upload(self, container: str, *names: str) -> None:
        with BlobServiceClient.from_connection_string(self.stack.connection_string) as storage:
            client = storage.get_container_client(container)
            if not client.exists():
                client.create_container()
            for name in names:
                client.upload_blob(name, b"x", overwrite=True)

    @property
    def log(self) -> str:
        return self.stack.web.log_since_start()

    def log_lines(self, event: str) -> list[dict]:
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def service_command(*arguments: str, **environ: str) -> Result:
    """Run `python -m service …` in this process, with nothing but these settings."""
    return CommandLine(environ)(*arguments)


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    keys_file = folder / "keys"
    made = service_command("key", "new", "--name", "admin", "--scope", "admin", "--file", str(keys_file))
    metrics_port = free_port()
    extra = {"API_KEYS_FILE": str(keys_file), "RATE_LIMIT_PER_MINUTE": "0", "METRICS_PORT": str(metrics_port)}
    extra["WORKSPACE"] = str(folder / "workspace")
    options = StackOptions(
        run_folder=folder / "run", workers=0, with_functions=False, extra_env=extra, storage_in_memory=True
    )
    with LocalStack(options) as stack:
        yield Served(stack, keys_file, made.stdout.strip(), metrics_port)
