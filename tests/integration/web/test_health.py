"""`/metrics`: one sum over all processes of the real server, on a port of its own without a key; and `/readyz`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from infra.local.loopback import HOST, free_ports
from service.jobs.queue_metrics import AGE, LENGTH, POISON
from service.settings import Settings
from service.web.services import Services
from tests.conftest import StorageAccount
from tests.integration.web.conftest import Served, guarded, make_job

pytestmark = pytest.mark.xdist_group("served")


def numbers(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def answered(text: str, route: str, status: str) -> float:
    return numbers(text).get(("faceline_http_requests_total", frozenset({("route", route), ("status", status)})), 0)


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_add_up_over_the_processes(served: Served) -> None:
    before = answered(ask(served.metrics_port, "/metrics")[1], "/jobs/<job_id>", "404")
    workers: set[str] = set()
    asked = 0
    # Connections are not dealt out evenly.
    while len(workers) < 2 and asked < 2000:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: served.ask(f"/jobs/{n:032x}"), range(40)))
        asked += 40
        workers = {path.stem for path in served.metrics_folder.glob("counter_*.db")}
    assert len(workers) >= 2
    # Whichever process is asked knows of them all.
    counts = [answered(ask(served.metrics_port, "/metrics")[1], "/jobs/<job_id>", "404") for _ in range(6)]
    assert counts == [before + asked] * 6


def test_metrics_hold_no_path_and_no_name(served: Served) -> None:
    served.ask("/jobs?text=somebody")
    served.ask("/no/such/place/of/somebody")
    served.ask("/analyse/image/wild/somebody-s-container")
    text = ask(served.metrics_port, "/metrics")[1]
    assert "somebody" not in text
    assert answered(text, "none", "404") >= 1


def test_the_metrics_port_serves_nothing_else(served: Served) -> None:
    assert ask(served.metrics_port, "/healthz")[0] == 200
    assert ask(served.metrics_port, "/readyz")[0] == 200
    for path in ("/jobs", "/openapi.json", "/docs/", "/", "/session"):
        status, body = ask(served.metrics_port, path)
        assert (status, json.loads(body)["code"]) == (404, "not_found"), path


def test_metrics_on_the_main_port_need_a_key(served: Served) -> None:
    assert served.ask("/metrics", key="").status == 401
    reply = served.ask("/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    # The host that a caller names is not the port that it came in by.
    assert served.ask("/metrics", key="", headers={"Host": f"{HOST}:{served.metrics_port}"}).status == 401


def test_the_scope_read_reads_metrics(account: StorageAccount, tmp_path) -> None:
    door = guarded(account, tmp_path)
    assert door.client.get("/metrics", headers=door.headers("read")).status_code == 200
    assert door.client.get("/metrics", headers=door.headers("analyse")).status_code == 403


def test_queue_lengths_are_exposed(account: StorageAccount, client: FlaskClient) -> None:
    make_job(account, "a.jpg")
    account.services.queue.send_to_poison("x")
    told = numbers(client.get("/metrics").text)
    assert told[LENGTH, frozenset()] == 1
    assert told[POISON, frozenset()] == 1
    assert 0 <= told[AGE, frozenset()] < 60
    # The numbers are cached for a while, so that frequent scrapes do not load storage.
    make_job(account, "b.jpg")
    assert numbers(client.get("/metrics").text)[LENGTH, frozenset()] == 1


@pytest.fixture
def away() -> Services:
    blob, queue, table = free_ports(3)
    text = (
        "DefaultEndpointsProtocol=http;AccountName=away;AccountKey=a2V5;"
        f"BlobEndpoint=http://{HOST}:{blob}/away;QueueEndpoint=http://{HOST}:{queue}/away;"
        f"TableEndpoint=http://{HOST}:{table}/away;"
    )
    return Services.connect(Settings.load({"AZURE_STORAGE_CONNECTION_STRING": text}))


def test_an_unreachable_queue_is_absent_and_not_zero(away: Services) -> None:
    assert list(away.queue_metrics.collect()) == []


def test_readiness_lists_each_dependency(client: FlaskClient) -> None:
    checks = client.get("/readyz").json["checks"]
    assert set(checks) == {"blobs", "queue", "table", "analyser"}
    assert all(check["ok"] and check["seconds"] >= 0 for check in checks.values())
