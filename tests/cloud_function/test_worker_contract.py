"""The function app under the real Functions worker library: indexed, loaded and called as in Azure."""

import importlib
import sys
import threading
import time

import pytest

from tests.cloud_function.app_under_test import APP_FOLDER, TRACEPARENT
from tests.cloud_function.functions_worker import FunctionsWorker, blob_reference, event, http_request

pytest.importorskip("azure_functions_runtime", reason="requirements-functions-worker.txt is not installed")

UNSAMPLED = TRACEPARENT[:-2] + "00"
DATA = {"api": "PutBlob", "contentType": "image/jpeg", "contentLength": 5}
EVENT = {
    "id": "1",
    "topic": "/subscriptions/s",
    "subject": "/blobServices/default/containers/c1/blobs/p.jpg",
    "eventType": "Microsoft.Storage.BlobCreated",
    # Seven digits, as Event Grid writes them.
    "eventTime": "2026-11-28T05:00:00.1234567Z",
    "dataVersion": "",
    "metadataVersion": "1",
    "data": DATA,
}
CLOUD_EVENT = {
    "id": "1",
    "source": "/subscriptions/s",
    "specversion": "1.0",
    "type": "Microsoft.Storage.BlobCreated",
    "subject": EVENT["subject"],
    "time": EVENT["eventTime"],
    "data": DATA,
}


@pytest.fixture
def worker(monkeypatch, service):
    """Starts a worker with an environment; its state is the library's own, so each test has a new library."""
    started = []

    def start(**environ):
        for name, value in ({"SERVICE_URL": service.url, "EVENT_TIME_LIMIT_S": "4"} | environ).items():
            monkeypatch.setenv(name, value)
        forget()
        started.append(FunctionsWorker(importlib.import_module("azure_functions_runtime"), str(APP_FOLDER)))
        return started[-1]

    yield start
    for each in started:
        each.close()
    forget()


def forget():
    for name in [name for name in sys.modules if name.split(".")[0] == "azure_functions_runtime"]:
        del sys.modules[name]
    sys.modules.pop("function_app", None)


def test_the_worker_indexes_every_function_with_its_trigger(worker, media_storage):
    started = worker(SHARED_CONTAINER="shared", MEDIA_STORAGE=media_storage)
    triggers = {name: started.bindings(name)[0] for name in started.functions}
    assert {name: trigger["type"] for name, trigger in triggers.items()} == {
        "start_analysis": "eventGridTrigger",
        "call_next_stage": "eventGridTrigger",
        "start_analysis_by_hand": "httpTrigger",
        "start_shared_analysis": "blobTrigger",
    }
    shared = triggers["start_shared_analysis"]
    assert (shared["path"], shared["source"], shared["connection"]) == (
        "%SHARED_CONTAINER%/{name}",
        "EventGrid",
        "MEDIA_STORAGE",
    )
    # Tells the host to hand over a reference, and no bytes.
    assert shared["properties"] == {"SupportsDeferredBinding": True}


@pytest.mark.parametrize("body", [EVENT, CLOUD_EVENT], ids=["event-grid", "cloud-events"])
@pytest.mark.parametrize("traceparent", [TRACEPARENT, UNSAMPLED])
def test_an_event_is_submitted_with_its_trace(worker, service, body, traceparent):
    assert worker().invoke("start_analysis", "event", event(body), traceparent).succeeded
    (asked,) = service.requests
    assert (asked.path, asked.query) == ("/analyse/image/wild/c1", {"blob": "p.jpg"})
    assert asked.headers["traceparent"] == traceparent


@pytest.mark.parametrize(
    ("changes", "submitted"),
    [
        ({"data": None}, 0),
        ({"data": [DATA]}, 0),
        ({"data": {}}, 0),
        ({"data": "text"}, 0),
        ({"subject": None}, 0),
        ({"subject": ""}, 0),
        ({"eventType": None}, 0),
        ({"eventTime": None}, 1),
        ({"data": DATA | {"contentLength": "5"}}, 1),
        ({"data": DATA | {"contentLength": None, "contentType": None}}, 1),
    ],
    ids=str,
)
def test_an_event_of_odd_shape_ends_without_an_error(worker, service, changes, submitted):
    assert worker().invoke("start_analysis", "event", event(EVENT | changes), TRACEPARENT).succeeded
    assert len(service.requests) == submitted


def test_a_failure_reaches_the_host_with_the_blobs_name(worker, service):
    service.status, service.body = 503, {"code": "storage_unavailable"}
    outcome = worker().invoke("start_analysis", "event", event(EVENT), TRACEPARENT)
    assert not outcome.succeeded
    assert outcome.error == "RetryLater: the service answered 503 (storage_unavailable) for c1/p.jpg"


def test_a_blob_arrives_as_a_reference(worker, service, upload, media_storage):
    container = upload("p.mp4", metadata={"media_type": "posed"})
    started = worker(SHARED_CONTAINER=container, MEDIA_STORAGE=media_storage)
    reference = blob_reference(container, "p.mp4")
    assert started.invoke("start_shared_analysis", "client", reference, TRACEPARENT).succeeded
    (asked,) = service.requests
    assert (asked.path, asked.query) == (f"/analyse/video/posed/{container}", {"blob": "p.mp4"})


def test_an_http_request_gets_the_services_answer(worker, service):
    service.headers = {"Location": "/jobs/1"}
    request = http_request(
        "POST",
        {"media": "image", "media_type": "wild", "container": "c-1"},
        {"blob": "a b.jpg", "faces": "many", "code": "key"},
    )
    outcome = worker().invoke("start_analysis_by_hand", "request", request, TRACEPARENT)
    assert outcome.succeeded
    answer = outcome.value.http
    # gRPC carries the status as text.
    assert (answer.status_code, answer.headers["Location"]) == ("202", f"{service.url}/jobs/1")
    assert service.requests[0].query == {"blob": "a b.jpg", "faces": "many"}


def test_a_setting_that_cannot_be_used_fails_the_start_by_name(worker):
    with pytest.raises(RuntimeError, match=r"InvalidSettings: SERVICE_API_KEY is a Key Vault reference"):
        worker(SERVICE_API_KEY="@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/k)")


def test_the_workers_thread_pool_has_as_many_threads_as_the_setting_says(worker):
    threads = worker(PYTHON_THREADPOOL_THREAD_COUNT="7").threads

    def name(_):
        time.sleep(0.05)
        return threading.current_thread().name

    assert len(set(threads.map(name, range(40)))) == 7
