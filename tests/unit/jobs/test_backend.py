"""The queues that a deployment's settings use."""

from __future__ import annotations

import pytest

from service.jobs.backend import JobBackend
from service.settings import Settings

STORAGE = "DefaultEndpointsProtocol=http;AccountName=any;AccountKey=a2V5;" + "".join(
    f"{kind}Endpoint=http://127.0.0.1:1/any;" for kind in ("Blob", "Queue", "Table")
)


@pytest.mark.parametrize(
    ("settings", "names"),
    [({}, ["lab-reports"]), ({"CALLBACK_HOSTS": "lab", "CALLBACK_SECRET": "s" * 32}, ["lab-reports", "lab-callbacks"])],
)
def test_the_queue_of_callbacks_is_there_where_hosts_are_named(settings: dict[str, str], names: list[str]) -> None:
    given = {"AZURE_STORAGE_CONNECTION_STRING": STORAGE, "QUEUE_NAME": "lab", **settings}
    assert [queue.name for queue in JobBackend.connect(Settings.load(given)).side_queues] == names
