"""A connection to storage that ends without an answer, before the request was heard or after."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from infra.local.azurite import Azurite
from infra.local.loopback import HOST
from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.storage.account import Account
from tests.conftest import StorageAccount

WRITES = (b"POST", b"PATCH", b"MERGE")


class Relay:
    """Passes requests on to a port, one connection at a time on a thread each, and cuts one write when told to.

    Attributes:
        cut: "before" the next write is passed on, or "after" its answer came, and it is not.
    """

    def __init__(self, port: int) -> None:
        self.cut = ""
        self.cuts = 0
        self._to = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), socket.create_connection((HOST, self._to)) as server, suppress(OSError):
            while request := client.recv(1 << 16):
                kind = self.cut if request.startswith(WRITES) else ""
                if kind:
                    self.cut, self.cuts = "", self.cuts + 1
                if kind == "before":
                    return
                server.sendall(self._whole(request, client))
                answer = server.recv(1 << 16)
                if kind == "after":
                    return
                client.sendall(answer)

    @staticmethod
    def _whole(request: bytes, client: socket.socket) -> bytes:
        """The request with its body, which may come by itself."""
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")]
        while len(body) < sum(lengths):
            more = client.recv(1 << 16)
            request, body = request + more, body + more
        return request


@contextmanager
def table_behind_relay(account: StorageAccount, azurite: Azurite) -> Iterator[tuple[JobTable, Relay]]:
    text = azurite.connection_string
    port = text.split("TableEndpoint=")[1].split(":")[2].split("/")[0]
    with closing(Relay(int(port))) as relay:
        relayed = text.replace(f"{HOST}:{port}", f"{HOST}:{relay.port}")
        settings = account.settings.model_copy(
            update={"azure_storage_connection_string": type(account.settings.azure_storage_connection_string)(relayed)}
        )
        yield JobTable(Account.connect(settings).tables, settings.table_name), relay


def record(number: int = 0) -> JobRecord:
    job = AnalysisJob("abc", f"{number}.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))
    return JobRecord(job=job, traceparent="00-a-b-01", created=now())


@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_job_is_recorded_once_all_the_same(account: StorageAccount, azurite: Azurite, kind: str) -> None:
    with table_behind_relay(account, azurite) as (table, relay):
        relay.cut = kind
        made = table.create(record())
        assert relay.cuts == 1
        assert made == account.services.table.get(made.job.job_id)


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("count", [1, 3])
def test_lists_are_written_all_the_same(account: StorageAccount, azurite: Azurite, kind: str, count: int) -> None:
    records = [account.services.table.create(record(number)) for number in range(count)]
    with table_behind_relay(account, azurite) as (table, relay):
        relay.cut = kind
        table.index(*records)
        assert relay.cuts == 1
    listed = account.services.table.page(container="abc", state=None).records
    assert sorted(one.job.blob for one in listed) == sorted(one.job.blob for one in records)
