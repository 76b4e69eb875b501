import pytest
from azure.storage.blob import BlobClient
from service_client import FINAL_REFUSALS, RetryLater

from infra.local.loopback import free_ports
from tests.cloud_function.app_under_test import TRACE_ID, TRACEPARENT


def test_an_upload_is_submitted(load_app, created, service, decisions):
    load_app(SERVICE_API_KEY="key-1")["start_analysis"](created("c1", "a folder/ü&x=1 %2F.jpg"))
    (asked,) = service.asked
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


@pytest.mark.parametrize("status", sorted(FINAL_REFUSALS))
def test_final_refusals_are_logged_and_end(load_app, created, service, decisions, status):
    service.status, service.body = status, {"code": "no_use", "status": status}
    load_app()["start_analysis"](created("c1", "p.jpg"))
    assert [(line["event"], line["code"]) for line in decisions()] == [("upload.refused", "no_use")]


@pytest.mark.parametrize("status", [302, 401, 403, 408, 409, 429, 500, 502, 503, 504])
def test_everything_else_is_tried_again(load_app, created, service, decisions, status):
    service.status, service.body = status, {}
    service.headers = {"Location": "/elsewhere"} if status == 302 else {}
    with pytest.raises(RetryLater):
        load_app()["start_analysis"](created("c1", "p.jpg"))
    assert decisions()[-1]["event"] == "upload.retry"
    assert len(service.asked) == 1


def test_a_service_that_answers_too_late_is_tried_again(load_app, created, service):
    service.delay_s = 0.6
    with pytest.raises(RetryLater):
        load_app(CALL_TIME_LIMIT_S="0.2")["start_analysis"](created("c1", "p.jpg"))


def test_a_service_that_is_away_is_tried_again(load_app, created):
    with pytest.raises(RetryLater):
        load_app(SERVICE_URL=f"http://127.0.0.1:{free_ports(1)[0]}")["start_analysis"](created("c1", "p.jpg"))


@pytest.mark.parametrize(
    ("container", "blob", "changes", "reason"),
    [
        ("shared", "p.jpg", {}, "shared_container"),
        ("results", f"c1/p.jpg/{'0' * 32}/p.csv", {}, "results"),
        ("c1", "p.txt", {}, "other_suffix"),
        ("c1", "p.jpg", {"api": "PutBlock"}, "other_api"),
        ("c1", "p.jpg", {"contentLength": 0}, "empty"),
    ],
)
def test_events_that_are_no_upload_never_reach_the_service(
    load_app, created, service, decisions, container, blob, changes, reason
):
    load_app(SHARED_CONTAINER="shared")["start_analysis"](created(container, blob, **changes))
    assert not service.asked
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
    assert [asked.path for asked in service.asked] == [path + container]


def test_an_upload_deleted_meanwhile_ends(load_app, created, service, media_storage, decisions):
    load_app(MEDIA_STORAGE=media_storage)["start_analysis"](created("never-there", "p.jpg"))
    assert not service.asked
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
    (asked,) = service.asked
    assert (asked.path, asked.query) == (f"/analyse/video/posed/{container}", {"blob": "p.mp4"})


@pytest.mark.parametrize("blob", ["notes.txt", "_results/p.jpg"])
def test_other_blobs_of_the_shared_container_are_ignored(load_app, service, upload, media_storage, blob):
    container = upload(blob)
    triggers = load_app(SHARED_CONTAINER=container, MEDIA_STORAGE=media_storage)
    with BlobClient.from_connection_string(media_storage, container, blob) as client:
        triggers["start_shared_analysis"](client)
    assert not service.asked


def test_a_shared_upload_deleted_meanwhile_ends(load_app, service, media_storage):
    triggers = load_app(SHARED_CONTAINER="shared", MEDIA_STORAGE=media_storage)
    with BlobClient.from_connection_string(media_storage, "shared", "gone.jpg") as client:
        triggers["start_shared_analysis"](client)
    assert not service.asked
