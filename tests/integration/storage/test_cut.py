"""A connection to storage that ends without an answer, before the request was heard or after."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from infra.local.azurite import Azurite
from infra.local.loopback import HOST
from service.jobs.job import AnalysisJob
from service.jobs.job_table import JobTable
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.storage.account import Account
from tests.conftest import StorageAccount
from tests.fixtures.relay import Relay

WRITES = (b"POST", b"PATCH", b"MERGE")


class WriteCutter(Relay):
    """Cuts one write when told to.

    Attributes:
        cut: "before" the next write is passed on, or "after" its answer came, and it is not.
    """

    cut = ""
    cuts = 0

    def answered(self, request: bytes, client: socket.socket, server: socket.socket) -> bool:
        kind = self.cut if request.startswith(WRITES) else ""
        if kind:
            self.cut, self.cuts = "", self.cuts + 1
        if kind == "before":
            return False
        answer = self.ask(request, client, server)
        if kind != "after":
            client.sendall(answer)
        return kind != "after"


@contextmanager
def table_behind_relay(account: StorageAccount, azurite: Azurite) -> Iterator[tuple[JobTable, WriteCutter]]:
    text = azurite.connection_string
    port = text.split("TableEndpoint=")[1].split(":")[2].split("/")[0]
    with closing(WriteCutter(int(port))) as relay:
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
