"""The function runner as a process: the real function app, real storage, a stand-in for the service."""

import base64
import json
import time
from collections import Counter

import pytest
import requests
from azure.storage.queue import QueueServiceClient

from infra.local.function_runner.delivery import MOST_FAILURES
from infra.local.function_runner.poison_queue import POISON_QUEUE
from infra.local.function_runner.storage_events import KINDS
from tests.cloud_function.stand_in import StandIn, serving
from tests.infra.until import until

JOB_ID = "0123456789abcdef0123456789abcdef"
# Longer than several looks of the runner at storage.
A_FEW_LOOKS_S = 0.4


def asked_for(service, container):
    return Counter(
        asked.query.get("blob") for asked in service.requests if asked.path.endswith(container.container_name)
    )


def lines(runner):
    return [json.loads(line) for line in runner.log_since_start().splitlines()]


def test_each_upload_is_seen_once_and_an_overwrite_again(runner, service, container):
    container.upload_blob("before.jpg", b"1")
    container.upload_blob("a folder/ü.mp4", b"2")
    until(lambda: asked_for(service, container) == {"before.jpg": 1, "a folder/ü.mp4": 1})
    container.upload_blob("before.jpg", b"3", overwrite=True)
    until(lambda: asked_for(service, container)["before.jpg"] == 2)
    time.sleep(A_FEW_LOOKS_S)
    assert asked_for(service, container) == {"before.jpg": 2, "a folder/ü.mp4": 1}
    submitted = [line for line in lines(runner) if line["event"] == "upload.submitted"]
    assert container.container_name in {line["container"] for line in submitted}


def test_every_kind_of_event_makes_a_job(runner, service, container):
    names = [f"{number}.jpg" for number in range(2 * len(KINDS))]
    for name in names:
        container.upload_blob(name, b"1")
    until(lambda: asked_for(service, container) == dict.fromkeys(names, 1))
    flags = {
        asked.headers["traceparent"][-2:] for asked in service.requests if asked.path.endswith(container.container_name)
    }
    assert flags == {"00", "01"}
    # The Azure clients' lines are silenced by the app itself: the runner, like the host, writes what it is given.
    assert not [line for line in lines(runner) if line["logger"].startswith("azure")]


def test_a_service_that_is_slower_than_the_event_may_last_gets_it_again(new_runner, own_service, container):
    own_service.delay_s = 1.0
    container.upload_blob("p.jpg", b"1")
    runner = new_runner("--event-time-limit-s", "0.5")
    until(lambda: "function.answered_too_late" in runner.log_since_start())
    own_service.delay_s = 0.0
    until(lambda: asked_for(own_service, container)["p.jpg"] >= 2)
    failed = [line for line in lines(runner) if line["event"] == "function.failed"]
    assert failed and failed[0]["error"] == "no answer within 0.5 s"


def test_nothing_is_sent_again_after_a_restart(runner, service, container):
    container.upload_blob("p.jpg", b"1")
    until(lambda: asked_for(service, container) == {"p.jpg": 1})
    runner.stop()
    container.upload_blob("while-away.jpg", b"1")
    runner.start()
    until(lambda: asked_for(service, container)["while-away.jpg"])
    time.sleep(A_FEW_LOOKS_S)
    assert asked_for(service, container) == {"p.jpg": 1, "while-away.jpg": 1}


def test_the_fifth_failure_goes_to_the_poison_queue(runner, service, container, azurite):
    service.status = 503
    container.upload_blob("p.jpg", b"1")
    until(lambda: "event.moved_aside" in runner.log_since_start())
    time.sleep(A_FEW_LOOKS_S)
    assert asked_for(service, container) == {"p.jpg": MOST_FAILURES}
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        (message,) = queues.get_queue_client(POISON_QUEUE).receive_messages()
        queues.delete_queue(POISON_QUEUE)
    told = json.loads(base64.b64decode(message.content))
    assert (told["ContainerName"], told["BlobName"]) == (container.container_name, "p.jpg")
    assert told["FunctionId"] == "Host.Functions.start_analysis"


def test_a_refused_upload_is_not_tried_again(runner, service, container):
    service.status, service.body = 415, {"code": "unsupported_media"}
    container.upload_blob("p.jpg", b"1")
    until(lambda: "upload.refused" in runner.log_since_start())
    time.sleep(A_FEW_LOOKS_S)
    assert asked_for(service, container) == {"p.jpg": 1}


def test_the_shared_container_is_submitted_by_its_blob_trigger_alone(new_runner, own_service, container):
    container.upload_blob("posed/p.jpg", b"1")
    runner = new_runner(SHARED_CONTAINER=container.container_name)
    until(lambda: asked_for(own_service, container))
    time.sleep(A_FEW_LOOKS_S)
    assert asked_for(own_service, container) == {"posed/p.jpg": 1}
    called = {line["function"] for line in lines(runner) if line["event"] == "function.called"}
    assert "start_shared_analysis" in called
    assert own_service.requests[0].path.startswith("/analyse/image/posed/")


def test_results_that_exist_are_announced(new_runner, own_service, container):
    own_service.answers[f"/jobs/{JOB_ID}/results"] = (200, {"job_id": JOB_ID, "links": {}, "manifest": {}})
    container.upload_blob(f"c1/p.jpg/{JOB_ID}/p.csv", b"frame\n")
    with serving(StandIn(status=200)) as receiver:
        new_runner(
            RESULTS_CONTAINER=container.container_name,
            NEXT_STAGE_URL=receiver.url,
            NEXT_STAGE_SECRET="a secret of sixteen or more",
        )
        until(lambda: receiver.requests)
        time.sleep(A_FEW_LOOKS_S)
        assert [asked.headers["idempotency-key"] for asked in receiver.requests] == [JOB_ID]


def test_storage_that_goes_away_and_comes_back(runner, service, container, azurite):
    container.upload_blob("before.jpg", b"1")
    until(lambda: asked_for(service, container) == {"before.jpg": 1})
    azurite.stop()
    azurite.start()
    container.upload_blob("p.jpg", b"1")
    until(lambda: asked_for(service, container) == {"before.jpg": 1, "p.jpg": 1})


def test_without_an_access_log_new_blobs_are_found_by_listing(new_runner, own_service, container, azurite):
    runner = new_runner()
    container.upload_blob("p.jpg", b"1")
    until(lambda: asked_for(own_service, container) == {"p.jpg": 1})
    azurite.stop()
    until(lambda: "storage.unavailable" in runner.log_since_start())
    azurite.start()
    container.upload_blob("p.jpg", b"2", overwrite=True)
    until(lambda: asked_for(own_service, container) == {"p.jpg": 2})


@pytest.fixture
def http_url(runner):
    until(lambda: "runner.ready" in runner.log_since_start())
    (ready,) = [line for line in lines(runner) if line["event"] == "runner.ready"]
    return f"http://127.0.0.1:{ready['port']}"


def test_http_triggers_ask_for_the_key(http_url):
    def status(path, method="POST", **headers):
        return requests.request(method, http_url + path, headers=headers, timeout=5).status_code

    path = "/api/analyse/image/wild/c-1"
    assert status(path) == 401
    assert status(f"{path}?code=another") == 401
    assert status(path, **{"x-functions-key": "another"}) == 401
    assert status(path, **{"x-functions-key": "the-key"}) == 202
    assert status(f"{path}?code=the-key") == 202
    assert status(f"{path}?code=the-key", method="DELETE") == 405
    assert status("/api/analyse/image/wild/c.1?code=the-key") == 400
    assert status("/api/analyse/image?code=the-key") == 404
    assert status("/elsewhere?code=the-key") == 404


def test_sigterm_ends_it_cleanly(runner):
    began = time.monotonic()
    runner.stop()
    assert time.monotonic() - began < 15
    assert lines(runner)[-1]["event"] == "runner.stopped"
