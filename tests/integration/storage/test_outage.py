"""Storage that is away is told as such, by every adapter, within seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.loopback import free_ports
from service.errors import StorageUnavailable
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.settings import BadSettings, Settings
from service.web.services import Services

JOB = AnalysisJob("abc", "b.jpg", "0x1", "image", "wild", JobOptions.resolve("image", "wild", {}))


@pytest.fixture(scope="module")
def away() -> Services:
    blob, queue, table = free_ports(3)
    key = "a2V5"
    text = (
        f"DefaultEndpointsProtocol=http;AccountName=away;AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{blob}/away;QueueEndpoint=http://127.0.0.1:{queue}/away;"
        f"TableEndpoint=http://127.0.0.1:{table}/away;"
    )
    return Services.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": text}))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "ask",
    [
        lambda away: away.blobs.info("abc", "b.jpg"),
        lambda away: away.blobs.page("abc"),
        lambda away: away.blobs.download("abc", "b.jpg", "0x1", Path("/dev/null")),
        lambda away: away.blobs.upload("abc", "b.jpg", b"x", content_type="image/jpeg"),
        lambda away: away.queue.send("x"),
        lambda away: away.queue.receive(30),
        lambda away: away.table.get(JOB.job_id),
        lambda away: away.table.create(JobRecord(job=JOB, traceparent="", created=now())),
        lambda away: away.table.page(container=None, state=None),
    ],
)
def test_every_call_to_storage_that_is_away_is_storage_unavailable(
    away: Services, ask: Callable[[Services], object]
) -> None:
    with pytest.raises(StorageUnavailable):
        ask(away)


@pytest.mark.parametrize("environ", [{}, {"AZURE_STORAGE_CONNECTION_STRING": "nonsense"}])
def test_no_account_is_a_mistake_in_the_settings(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="AZURE_STORAGE_CONNECTION_STRING"):
        Services.connect(Settings.load(environ))
