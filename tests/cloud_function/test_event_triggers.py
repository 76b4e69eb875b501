import json
import re
import socket
import threading
import time

import azure.functions as func
import pytest
from azure.storage.blob import BlobClient
from errors import RetryLater
from service_client import FINAL_CODES

from infra.local.loopback import free_ports
from infra.steps import REPOSITORY
from tests.cloud_function.app_under_test import TRACE_ID, TRACEPARENT

RENAMED = "Microsoft.Storage.BlobRenamed"
FINAL = [(status, code) for status, codes in FINAL_CODES.items() for code in sorted(codes)]


def test_an_upload_is_submitted(load_app, created, service, decisions):
    load_app(SERVICE_API_KEY="key-1")["start_analysis"](created("c1", "a folder/ü&x=1 %2F.jpg"))
    (asked,) = service.requests
    assert (asked.method, asked.path) == ("POST", "/analyse/image/wild/c1")
    assert asked.query == {"blob": "a folder/ü&x=1 %2F.jpg"}
    assert asked.headers["traceparent"] == TRACEPARENT
    assert asked.headers["x-api-key"] == "key-1"
    (line,) = decisions()
    assert line["event"] == "upload.submitted"
    assert line["job_ids"] == ["a" * 32]
    assert (line["container"], line["blob"], line["trace_id"]) == ("c1", asked.query["blob"], TRACE_ID)


@pytest.mark.parametrize("status", [200, 202])
def test_success_ends(load_app, created, service, status):
    service.status = status
    load_app()["start_analysis"](created("c1", "p.jpg"))


@pytest.mark.parametrize(("status", "code"), FINAL)
def test_final_refusals_are_logged_and_end(load_app, created, service, decisions, status, code):
    service.status, service.body = status, {"code": code, "status": status}
    load_app()["start_analysis"](created("c1", "p.jpg"))
    assert [(line["event"], line["code"]) for line in decisions()] == [("upload.refused", code)]


def test_final_codes_are_codes_of_the_service():
    code = "".join(path.read_text() for path in (REPOSITORY / "service").rglob("*.py"))
    literals = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', code))
    assert {code for _, code in FINAL} <= literals


@pytest.mark.parametrize("status", [302, 401, 403, 408, 409, 429, 500, 502, 503, 504])
def test_everything_else_is_tried_again(load_app, created, service, decisions, status):
    service.status, service.body = status, {}
    service.headers = {"Location": "/elsewhere"} if status == 302 else {}
    with pytest.raises(RetryLater, match=r"c1/p\.jpg"):
        load_app()["start_analysis"](created("c1", "p.jpg"))
    assert (decisions()[-1]["event"], decisions()[-1]["blob"]) == ("upload.retry", "p.jpg")
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        # What an ingress says while no replica runs, in the forms that ingresses have.
        (404, "text/html", b"<h1>404 Container App is stopped or does not exist</h1>"),
        (404, "text/plain", b"default backend - 404"),
        (404, "application/json", b'{"statusCode": 404, "message": "Resource not found"}'),
        (404, "application/json", b'{"code": "media_not_found"}'),
        (404, "application/problem+json", b""),
        (404, "application/problem+json", b'{"code": "not_found"}'),
        (404, "application/problem+json", b'["media_not_found"]'),
        (400, "application/problem+json", b'{"code": "media_not_found"}'),
        (413, "text/html", b"<h1>413 Request Entity Too Large</h1>"),
        (413, "application/problem+json", b'{"code": 413}'),
        (200, "text/html", b"<h1>Sign in</h1>"),
        (200, "application/json", b"{}"),
        (202, "application/json", b'{"jobs": null}'),
        (202, "application/json", b'{"jobs": ["1"]}'),
        (202, "application/json", b"[]"),
        (202, "application/json", b"{" * 100_000),
    ],
)
def test_an_answer_that_is_not_the_services_own_is_tried_again(
    load_app, created, service, decisions, status, content_type, body
):
    service.status, service.content_type, service.body = status, content_type, body
    with pytest.raises(RetryLater):
        load_app()["start_analysis"](created("c1", "p.jpg"))
    assert decisions()[-1]["event"] == "upload.retry"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_an_error_of_its_own(load_app, created, service, caplog, status):
    service.status, service.body = status, {"code": "unauthorized"}
    with pytest.raises(RetryLater):
        load_app()["start_analysis"](created("c1", "p.jpg"))
    errors = [json.loads(record.getMessage()) for record in caplog.records if record.levelname == "ERROR"]
    assert [(line["event"], line["status"]) for line in errors] == [("service.key_refused", status)]


def test_a_service_that_answers_too_late_is_tried_again(load_app, created, service, decisions):
    service.delay_s = 0.6
    with pytest.raises(RetryLater):
        load_app(EVENT_TIME_LIMIT_S="0.2")["start_analysis"](created("c1", "p.jpg"))
    (line,) = decisions()
    assert (line["event"], line["container"], line["blob"]) == ("upload.retry", "c1", "p.jpg")


def test_an_answer_that_comes_byte_by_byte_ends_with_the_time_limit(load_app, created, service):
    service.piece_delay_s = 0.1
    begun = time.monotonic()
    with pytest.raises(RetryLater):
        load_app(EVENT_TIME_LIMIT_S="1")["start_analysis"](created("c1", "p.jpg"))
    assert time.monotonic() - begun < 2


@pytest.fixture
def silent_port():
    """A server that takes connections and never answers."""
    server, taken = socket.create_server(("127.0.0.1", 0)), []
    done = threading.Event()

    def accept():
        while not done.is_set():
            taken.append(server.accept()[0])

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    done.set()
    socket.create_connection(server.getsockname()).close()
    thread.join()
    for each in (server, *taken):
        each.close()


def test_storage_that_does_not_answer_leaves_the_event_within_its_time_limit(
    load_app, created, service, decisions, silent_port
):
    storage = (
        f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:{silent_port}/a;"
    )
    trigger = load_app(MEDIA_STORAGE=storage, EVENT_TIME_LIMIT_S="1")["start_analysis"]
    begun = time.monotonic()
    with pytest.raises(RetryLater):
        trigger(created("c1", "p.jpg"))
    assert time.monotonic() - begun < 2
    assert not service.requests
    assert [(line["event"], line["blob"]) for line in decisions()] == [("upload.retry", "p.jpg")]


def test_an_identity_that_does_not_answer_leaves_the_event_within_its_time_limit(
    load_app, created, monkeypatch, silent_port
):
    # How App Service offers its managed identity.
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{silent_port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    trigger = load_app(
        MEDIA_STORAGE__blobServiceUri="https://127.0.0.1:1", MEDIA_STORAGE__clientId="0", EVENT_TIME_LIMIT_S="25"
    )["start_analysis"]
    begun = time.monotonic()
    with pytest.raises(RetryLater):
        trigger(created("c1", "p.jpg"))
    assert time.monotonic() - begun < 15


def test_a_service_that_is_away_is_tried_again(load_app, created):
    with pytest.raises(RetryLater):
        load_app(SERVICE_URL=f"http://127.0.0.1:{free_ports(1)[0]}")["start_analysis"](created("c1", "p.jpg"))


@pytest.mark.parametrize(
    ("container", "blob", "changes", "reason"),
    [
        ("shared", "p.jpg", {}, "shared_container"),
        ("results", f"c1/p.jpg/{'0' * 32}/p.csv", {}, "results"),
        ("c1", "p.txt", {}, "other_kind"),
        ("c1", "._p.jpg", {}, "apple_double"),
        ("c1", "p.jpg", {"api": "PutBlock"}, "other_api"),
        ("c1", "p.jpg", {"contentLength": 0}, "empty"),
    ],
)
def test_events_that_are_no_upload_never_reach_the_service(
    load_app, created, service, decisions, container, blob, changes, reason
):
    load_app(SHARED_CONTAINER="shared")["start_analysis"](created(container, blob, **changes))
    assert not service.requests
    assert [(line["event"], line["reason"]) for line in decisions()] == [("ignored", reason)]


@pytest.mark.parametrize(
    ("blob", "metadata", "path"),
    [
        ("wild/p.jpg", {"media_type": "posed"}, "/analyse/image/posed/"),
        ("posed/p.mp4", {}, "/analyse/video/posed/"),
        ("p.mp4", {"media_type": "unheard-of"}, "/analyse/video/wild/"),
    ],
)
def test_media_type_from_metadata_then_folder_then_default(
    load_app, created, service, upload, media_storage, blob, metadata, path
):
    container = upload(blob, metadata=metadata)
    load_app(MEDIA_STORAGE=media_storage)["start_analysis"](created(container, blob))
    assert [asked.path for asked in service.requests] == [path + container]


def test_options_in_the_metadata_of_an_upload_are_passed_on(load_app, created, service, upload, media_storage):
    container = upload("p.mp4", metadata={"faceline_au": "static", "faceline_blob": "another.mp4"})
    load_app(MEDIA_STORAGE=media_storage)["start_analysis"](created(container, "p.mp4"))
    [asked] = service.requests
    assert asked.query == {"au": "static", "blob": "p.mp4"}


@pytest.mark.parametrize("api", ["RenameFile", "SftpRename"])
def test_a_renamed_upload_is_submitted_with_what_the_blob_says(
    load_app, created, service, upload, media_storage, decisions, api
):
    triggers = load_app(MEDIA_STORAGE=media_storage)
    container = upload("upload", content_type="image/jpeg")
    unknown = {"event_type": RENAMED, "api": api, "contentLength": None, "contentType": None}
    triggers["start_analysis"](created(container, "upload", **unknown))
    assert [asked.path for asked in service.requests] == [f"/analyse/image/wild/{container}"]
    empty, text = upload("p.jpg", b""), upload("notes", content_type="text/plain")
    triggers["start_analysis"](created(empty, "p.jpg", **unknown))
    triggers["start_analysis"](created(text, "notes", **unknown))
    assert [line["reason"] for line in decisions()[1:]] == ["empty", "other_kind"]
    assert len(service.requests) == 1


def test_without_storage_access_a_name_alone_must_tell_the_kind(load_app, created, service, decisions):
    unknown = {"event_type": RENAMED, "api": "RenameFile", "contentLength": None, "contentType": None}
    trigger = load_app()["start_analysis"]
    trigger(created("c1", "upload", **unknown))
    trigger(created("c1", "p.jpg", **unknown))
    assert [line.get("reason", line["event"]) for line in decisions()] == ["unknown_kind", "upload.submitted"]


def test_a_rename_within_the_shared_container_is_submitted(load_app, created, service):
    trigger = load_app(SHARED_CONTAINER="shared")["start_analysis"]
    trigger(created("shared", "p.jpg", event_type=RENAMED, api="RenameFile", contentLength=None, contentType=None))
    assert [asked.path for asked in service.requests] == ["/analyse/image/wild/shared"]


def test_a_cloud_event_is_submitted(load_app, service):
    event = func.CloudEvent(
        id="1",
        source="/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
        type="Microsoft.Storage.BlobCreated",
        specversion="1.0",
        subject="/blobServices/default/containers/c1/blobs/p.jpg",
        data={"api": "SftpCommit", "contentType": "image/jpeg", "contentLength": 5},
    )
    load_app()["start_analysis"](event)
    assert [asked.path for asked in service.requests] == ["/analyse/image/wild/c1"]


def test_requests_of_the_azure_clients_are_not_logged(load_app, created, upload, media_storage, caplog):
    container = upload("p.jpg")
    caplog.set_level("INFO")
    load_app(MEDIA_STORAGE=media_storage)["start_analysis"](created(container, "p.jpg"))
    assert {record.name for record in caplog.records} & {"cloud_function"}
    assert not [record for record in caplog.records if record.name.startswith("azure")]


def test_an_upload_deleted_meanwhile_ends(load_app, created, service, media_storage, decisions):
    load_app(MEDIA_STORAGE=media_storage)["start_analysis"](created("never-there", "p.jpg"))
    assert not service.requests
    assert [line["event"] for line in decisions()] == ["upload.gone"]


def test_the_shared_container_has_a_trigger_only_where_it_is_set(load_app):
    names = {"start_analysis", "call_next_stage", "start_analysis_by_hand"}
    assert set(load_app()) == names
    assert set(load_app(SHARED_CONTAINER="shared")) == names | {"start_shared_analysis"}


def test_a_shared_upload_arrives_as_a_reference(load_app, service, upload, media_storage):
    container = upload("p.mp4", metadata={"media_type": "posed"})
    triggers = load_app(SHARED_CONTAINER=container, MEDIA_STORAGE=media_storage)
    with BlobClient.from_connection_string(media_storage, container, "p.mp4") as client:
        triggers["start_shared_analysis"](client)
    (asked,) = service.requests
    assert (asked.path, asked.query) == (f"/analyse/video/posed/{container}", {"blob": "p.mp4"})


@pytest.mark.parametrize("blob", ["notes.txt", "_results/p.jpg"])
def test_other_blobs_of_the_shared_container_are_ignored(load_app, service, upload, media_storage, blob):
    container = upload(blob)
    triggers = load_app(SHARED_CONTAINER=container, MEDIA_STORAGE=media_storage)
    with BlobClient.from_connection_string(media_storage, container, blob) as client:
        triggers["start_shared_analysis"](client)
    assert not service.requests


def test_a_shared_upload_deleted_meanwhile_ends(load_app, service, media_storage):
    triggers = load_app(SHARED_CONTAINER="shared", MEDIA_STORAGE=media_storage)
    with BlobClient.from_connection_string(media_storage, "shared", "gone.jpg") as client:
        triggers["start_shared_analysis"](client)
    assert not service.requests
