"""Answers of storage that end early, at any byte: an outage to be tried again, never an error of another kind."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from pydantic import SecretStr

from infra.local.azurite import Azurite
from service.errors import RecordChanged, StorageUnavailable
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from tests.conftest import StorageAccount
from tests.fixtures.relay import Relay

JOB = AnalysisJob("abc", "a.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
ENDPOINTS = ("BlobEndpoint", "QueueEndpoint", "TableEndpoint")


class AnswerCutter(Relay):
    """Passes each answer on up to a share of its bytes.

    Attributes:
        share: of the answer's bytes; 1 passes all on.
    """

    share = 1.0

    def answered(self, request: bytes, client: socket.socket, server: socket.socket) -> bool:
        answer = self.ask(request, client, server)
        client.sendall(answer[: int(len(answer) * self.share)])
        return self.share == 1


@pytest.fixture
def relayed(account: StorageAccount, azurite: Azurite) -> Iterator[tuple[JobBackend, list[AnswerCutter]]]:
    parts = dict(part.split("=", 1) for part in azurite.connection_string.strip(";").split(";"))
    relays = []
    for name in ENDPOINTS:
        port = parts[name].split(":")[2].split("/")[0]
        relays.append(AnswerCutter(int(port)))
        parts[name] = parts[name].replace(f":{port}/", f":{relays[-1].port}/")
    text = ";".join(f"{name}={value}" for name, value in parts.items()) + ";"
    settings = account.settings.model_copy(update={"azure_storage_connection_string": SecretStr(text)})
    yield JobBackend.connect(settings), relays
    for relay in relays:
        relay.close()


CALLS: dict[str, Callable[[JobBackend, str], object]] = {
    "record": lambda backend, _: backend.table.get(JOB.job_id),
    "missing record": lambda backend, _: backend.table.several(["0" * 32]),
    "page": lambda backend, _: backend.table.page(container=None, state=None),
    "update": lambda backend, _: backend.table.update(JobRecord(JOB, "", now(), version='W/"x"')),
    "receive": lambda backend, _: backend.queue.receive(30),
    "length": lambda backend, _: backend.queue.length(),
    "poisoned": lambda backend, _: backend.queue.poisoned(),
    "blob": lambda backend, container: backend.blobs.info(container, "a.jpg"),
    "blobs": lambda backend, container: backend.blobs.page(container),
    "bytes": lambda backend, container: backend.blobs.read(container, "a.jpg"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("call", CALLS)
def test_a_cut_answer_is_an_outage(
    relayed: tuple[JobBackend, list[AnswerCutter]], account: StorageAccount, call: str, share: float
) -> None:
    backend, relays = relayed
    account.put("a.jpg", b"x" * 5000)
    account.services.table.create(JobRecord(JOB, "", now()))
    account.services.queue.send("x" * 500)
    for relay in relays:
        relay.share = share
    # An answer cut in its unread tail may pass for whole; any other error than this one fails the test.
    with suppress(StorageUnavailable, RecordChanged):
        CALLS[call](backend, account.container)
    for relay in relays:
        relay.share = 1.0
    if call != "update":
        CALLS[call](backend, account.container)
