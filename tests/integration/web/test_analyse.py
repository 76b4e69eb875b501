"""The route: an upload becomes jobs; what cannot be done is refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from service.jobs.job import QueuedJob
from tests.conftest import StorageAccount


def _queued(account: StorageAccount) -> list[QueuedJob]:
    found = []
    while message := account.services.queue.receive(60):
        found.append(QueuedJob.decode(message.text))
    return found


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("media_type", ["wild", "iw", "IW", "Wild"])
def test_a_blob_becomes_a_job(client: FlaskClient, account: StorageAccount, method: str, media_type: str) -> None:
    etag = account.put("face.jpg", b"x")
    answer = client.open(f"/analyse/image/{media_type}/{account.container}?blob=face.jpg", method=method)
    assert answer.status_code == 202
    [job] = answer.json["jobs"]
    assert answer.headers["Location"] == f"/jobs/{job['id']}" == job["links"]["self"]
    assert (job["state"], job["blob"], job["etag"], job["media_type"]) == ("queued", "face.jpg", etag, "wild")
    [queued] = _queued(account)
    assert queued.job.job_id == job["id"]


def test_every_blob_of_the_media_becomes_a_job(client: FlaskClient, account: StorageAccount) -> None:
    for name in ("a.jpg", "b.PNG", "deep/c.webp", "clip.mp4", "notes.txt", "_results/old.jpg", "x//d.jpg", "/e.jpg"):
        account.put(name, b"x")
    answer = client.post(f"/analyse/image/posed/{account.container}")
    assert answer.status_code == 202
    assert {job["blob"] for job in answer.json["jobs"]} == {"a.jpg", "b.PNG", "deep/c.webp"}
    assert answer.headers["Location"] == f"/jobs?container={account.container}"
    assert len(_queued(account)) == 3


def test_the_pictures_below_a_prefix_become_one_sequence(client: FlaskClient, account: StorageAccount) -> None:
    for name in ("takes/1.jpg", "takes/2.png", "takes/deep/3.jpg", "takes/notes.txt", "takes.jpg"):
        account.put(name, name.encode())
    url = f"/analyse/sequence/wild/{account.container}"
    [job] = client.post(f"{url}?blob=takes/").json["jobs"]
    assert (job["media"], job["blob"], len(job["etag"])) == ("sequence", "takes", 64)
    assert "media" not in job["links"]
    assert client.post(f"{url}?blob=takes").json["jobs"][0]["id"] == job["id"]
    account.put("takes/2.png", b"another")
    assert client.post(f"{url}?blob=takes").json["jobs"][0]["id"] != job["id"]
    assert {queued.job.schema for queued in _queued(account)} == {2}
    refused = {query: client.post(url + query).json["code"] for query in ("", "?blob=nothing", "?blob=a//")}
    assert refused == {"": "bad_blob", "?blob=nothing": "no_media", "?blob=a//": "bad_blob"}


def test_a_repeated_request_is_the_same_job(client: FlaskClient, account: StorageAccount) -> None:
    account.put("face.jpg", b"x")
    ids = {
        client.post(f"/analyse/image/wild/{account.container}?blob=face.jpg").json["jobs"][0]["id"] for _ in range(3)
    }
    assert len(ids) == 1
    other = client.post(f"/analyse/image/posed/{account.container}?blob=face.jpg").json["jobs"][0]["id"]
    assert other not in ids
    assert len(client.get(f"/jobs?container={account.container}").json["jobs"]) == 2


def test_an_overwritten_upload_is_another_job(client: FlaskClient, account: StorageAccount) -> None:
    url = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    account.put("face.jpg", b"one")
    first = client.post(url).json["jobs"][0]["id"]
    account.put("face.jpg", b"two")
    assert client.post(url).json["jobs"][0]["id"] != first


def test_long_containers_continue_by_a_link(
    client: FlaskClient, account: StorageAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The page size is storage's 1,000; made small, since 1,001 uploads would prove no more.
    monkeypatch.setattr("service.storage.azure_blobs.PAGE_SIZE", 4)
    names = [f"{number}.jpg" for number in range(7)] + ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]
    for name in names:
        account.put(name, b"x")
    url, seen = f"/analyse/image/wild/{account.container}?faces=one", []
    while url:
        answer = client.post(url).json
        assert len(answer["jobs"]) <= 4
        seen += [(job["blob"], job["options"]["faces"]) for job in answer["jobs"]]
        url = answer["next"]
    assert sorted(seen) == [(f"{number}.jpg", "one") for number in range(7)]


def test_the_callers_trace_is_continued(client: FlaskClient, account: StorageAccount) -> None:
    account.put("face.jpg", b"x")
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    answer = client.post(f"/analyse/image/wild/{account.container}?blob=face.jpg", headers={"traceparent": trace})
    assert answer.json["jobs"][0]["trace_id"] == "a" * 32
    assert [queued.traceparent for queued in _queued(account)] == [trace]


@pytest.mark.parametrize("name", ["ünï/код.jpg", "a b'\"&=+.jpg", "-dash.jpg", "100%25.jpg", "a%2Fb.jpg", "q?x#y.jpg"])
def test_hostile_names_select_exactly_their_blob(client: FlaskClient, account: StorageAccount, name: str) -> None:
    account.put(name, b"x")
    answer = client.post(f"/analyse/image/wild/{account.container}?blob={quote(name, safe='')}")
    assert answer.status_code == 202
    assert [job["blob"] for job in answer.json["jobs"]] == [name]


CONTAINER = "3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11"


@pytest.mark.parametrize(
    ("path", "status", "code", "says"),
    [
        (f"sound/wild/{CONTAINER}", 400, "unknown_media", "known: image, video"),
        (f"image/happy/{CONTAINER}", 400, "unknown_media_type", "posed, wild, ip, iw, vp, vw"),
        (f"image/vw/{CONTAINER}", 400, "unknown_media_type", "'vw' is for videos"),
        (f"image/wild/{CONTAINER}?speed=2", 400, "unknown_option", "known: faces"),
        (f"image/wild/{CONTAINER}?faces=three", 400, "bad_request", "faces"),
        (f"image/wild/{CONTAINER}?faces=one&faces=many", 400, "bad_option", "give it once"),
        (f"image/wild/{CONTAINER}?overlay=2", 400, "bad_request", "overlay"),
        (f"image/wild/{CONTAINER}?blob=..%2Fother%2Fx.jpg", 400, "bad_blob", "'..' segments"),
        (f"image/wild/{CONTAINER}?blob=", 400, "bad_blob", "1 to 1024"),
        (f"image/wild/{CONTAINER}?cursor=nonsense", 404, "container_not_found", CONTAINER),
        (f"image/wild/{CONTAINER}", 404, "container_not_found", CONTAINER),
        (f"image/wild/{CONTAINER}?blob=x.jpg", 404, "media_not_found", "x.jpg"),
        ("image/wild/Bad_Name", 400, "bad_container", "3 to 63"),
        ("image/wild", 404, "not_found", ""),
    ],
)
def test_a_refusal_names_its_reason(client: FlaskClient, path: str, status: int, code: str, says: str) -> None:
    answer = client.post(f"/analyse/{path}")
    assert answer.content_type == "application/problem+json"
    problem = json.loads(answer.data)
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert says in problem["detail"]


def test_a_container_without_the_media_names_its_blobs(client: FlaskClient, account: StorageAccount) -> None:
    account.put("notes.txt", b"x")
    answer = client.post(f"/analyse/video/wild/{account.container}")
    assert (answer.status_code, answer.json["code"]) == (404, "no_media")
    assert "'notes.txt'" in answer.json["detail"]
    empty = client.post(f"/analyse/video/wild/{account.new_container()}")
    assert "holds no uploads" in empty.json["detail"]


def test_the_results_container_cannot_be_analysed(client: FlaskClient, account: StorageAccount) -> None:
    answer = client.post(f"/analyse/image/wild/{account.settings.results_container}")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_container")


def test_another_kind_is_unsupported(client: FlaskClient, account: StorageAccount) -> None:
    account.put("face.jpg", b"x")
    answer = client.post(f"/analyse/video/wild/{account.container}?blob=face.jpg")
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media")


def test_the_content_type_decides_without_an_extension(client: FlaskClient, account: StorageAccount) -> None:
    account.services.blobs.upload(account.container, "face", b"x", content_type="image/jpeg")
    assert client.post(f"/analyse/image/wild/{account.container}?blob=face").status_code == 202


def test_too_large_blobs_are_refused_before_they_are_queued(client: FlaskClient, account: StorageAccount) -> None:
    from service.web.app import create_app

    small = account.settings.model_copy(update={"max_media_mb": 1})
    own = account.services
    client = create_app(replace(own, settings=small)).test_client()
    account.put("big.jpg", b"x" * (1024 * 1024 + 1))
    answer = client.post(f"/analyse/image/wild/{account.container}?blob=big.jpg")
    assert (answer.status_code, answer.json["code"]) == (413, "media_too_large")
    assert _queued(account) == []


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=1", "wait=1"), ("respond-async, wait=1", "wait=1"), ("wait=-1", None), ("wait=x", None), ("", None)],
)
def test_prefer_wait_holds_the_response(
    client: FlaskClient, account: StorageAccount, prefer: str, applied: str | None
) -> None:
    account.put("face.jpg", b"x")
    answer = client.post(f"/analyse/image/wild/{account.container}?blob=face.jpg", headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert answer.headers.get("Preference-Applied") == applied


def test_a_job_whose_message_was_lost_is_sent_again(client: FlaskClient, account: StorageAccount) -> None:
    """The record is written before the message; a crash between the two must not strand the job."""
    account.put("face.jpg", b"x")
    url = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    client.post(url)
    assert len(_queued(account)) == 1
    client.post(url)
    assert len(_queued(account)) == 1


def test_a_finished_job_is_not_sent_again(client: FlaskClient, account: StorageAccount) -> None:
    account.put("face.jpg", b"x")
    url = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    job_id = client.post(url).json["jobs"][0]["id"]
    _queued(account)
    client.post(f"/jobs/{job_id}/cancel")
    answer = client.post(url)
    assert (answer.status_code, answer.json["jobs"][0]["state"]) == (200, "cancelled")
    assert _queued(account) == []
