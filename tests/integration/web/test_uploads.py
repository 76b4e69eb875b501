"""`/uploads`: whole or not at all, once, and only what can be analysed."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from infra.local.loopback import HOST
from service.errors import BlobExists, MediaNotFound, NotFound
from service.jobs import upload_places
from service.storage.azure_blobs import AzureBlobs
from service.web.app import create_app
from service.web.protocol.bodies import BodyStream
from service.web.routes import uploads
from tests.conftest import ASTRONAUT, StorageAccount
from tests.integration.web.conftest import Guarded, Served

PICTURE = ASTRONAUT.read_bytes()
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def put(
    client: FlaskClient, container: str, blob: str = "face.png", body: bytes = PICTURE, **more: str
) -> TestResponse:
    headers = {"X-Content-SHA256": more.pop("sha256")} if "sha256" in more else {}
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return client.put(f"/uploads/{container}?blob={quote(blob)}{query}", data=body, headers=headers)


@pytest.fixture
def container() -> str:
    """A name that is not there yet."""
    return str(uuid.uuid4())


def test_an_upload_can_be_read_and_analysed(client: FlaskClient, account: StorageAccount, container: str) -> None:
    answer = put(client, container, "takes/ü 1.png", media_type="posed")
    assert answer.status_code == 201, answer.text
    told = answer.json
    assert (told["container"], told["blob"], told["size"]) == (container, "takes/ü 1.png", len(PICTURE))
    assert (told["media"], told["media_type"], told["sha256"]) == ("image", "posed", SHA256)
    info = account.services.blobs.info(container, "takes/ü 1.png")
    assert (info.etag, info.content_type) == (told["etag"], "image/png")
    assert info.metadata == {"media_type": "posed", "sha256": SHA256}
    assert account.services.blobs.read(container, "takes/ü 1.png") == PICTURE
    assert client.get(answer.headers["Location"]).json == told
    started = client.post(told["links"]["analyse"])
    assert started.status_code == 202
    [job] = started.json["jobs"]
    assert (job["blob"], job["etag"], job["media_type"]) == ("takes/ü 1.png", told["etag"], "posed")
    assert [one["id"] for one in client.get(told["links"]["jobs"]).json["jobs"]] == [job["id"]]


def test_repeating_an_upload_is_no_conflict(client: FlaskClient, container: str) -> None:
    first = put(client, container, sha256=SHA256)
    again = put(client, container, sha256=SHA256)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (PICTURE, {}),
        (PICTURE[:-1] + b"?", {"sha256": hashlib.sha256(PICTURE[:-1] + b"?").hexdigest()}),
        (PICTURE + b"?", {"sha256": SHA256}),
    ],
)
def test_an_existing_blob_is_not_overwritten(
    client: FlaskClient, account: StorageAccount, container: str, body: bytes, more: dict[str, str]
) -> None:
    etag = put(client, container).json["etag"]
    answer = put(client, container, body=body, **more)
    assert (answer.status_code, answer.json["code"]) == (409, "blob_exists")
    assert account.services.blobs.info(container, "face.png").etag == etag


def test_a_wrong_checksum_leaves_nothing(client: FlaskClient, account: StorageAccount, container: str) -> None:
    answer = put(client, container, sha256="0" * 64)
    assert (answer.status_code, answer.json["code"]) == (400, "checksum_mismatch")
    with pytest.raises(MediaNotFound):
        account.services.blobs.info(container, "face.png")
    assert put(client, container, sha256="xyz").status_code == 400


def test_a_body_that_ends_early_leaves_nothing(client: FlaskClient, account: StorageAccount, container: str) -> None:
    answer = client.put(
        f"/uploads/{container}?blob=face.png",
        input_stream=io.BytesIO(PICTURE),
        environ_overrides={"CONTENT_LENGTH": str(len(PICTURE) + 1)},
    )
    assert (answer.status_code, answer.json["code"]) == (400, "incomplete_upload")
    with pytest.raises(MediaNotFound):
        account.services.blobs.info(container, "face.png")
    assert put(client, container).status_code == 201


def test_the_length_is_checked_before_the_body_is_read(account: StorageAccount, container: str) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("read")

        readinto = read

    settings = account.settings.model_copy(update={"max_media_mb": 1})
    client = create_app(replace(account.services, settings=settings)).test_client()
    for environ, status, code in (
        ({"CONTENT_LENGTH": str((1 << 20) + 1)}, 413, "request_entity_too_large"),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411, "length_required"),
    ):
        answer = client.put(f"/uploads/{container}?blob=a.png", input_stream=Unread(), environ_overrides=environ)
        assert (answer.status_code, answer.json["code"]) == (status, code)
    assert not account.services.blobs.has_container(container)


@pytest.mark.parametrize(
    ("blob", "content_type", "status", "stored"),
    [
        ("notes.txt", "application/octet-stream", 415, None),
        ("notes", "text/html", 415, None),
        ("clip.MP4", "application/octet-stream", 201, "video/mp4"),
        ("from a camera", "image/jpeg", 201, "image/jpeg"),
        ("face.jpg", "text/html", 201, "image/jpeg"),
    ],
)
def test_only_media_can_be_uploaded(
    client: FlaskClient, account: StorageAccount, container: str, blob: str, content_type: str, status: int, stored: str
) -> None:
    answer = client.put(f"/uploads/{container}?blob={quote(blob)}", data=b"x", content_type=content_type)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.json["code"] == "unsupported_media"
    else:
        assert account.services.blobs.info(container, blob).content_type == stored


def test_an_empty_file_is_refused(client: FlaskClient, container: str) -> None:
    answer = client.put(f"/uploads/{container}?blob=a.png", data=b"", environ_overrides={"CONTENT_LENGTH": "0"})
    assert (answer.status_code, answer.json["code"]) == (400, "empty_upload")


@pytest.mark.parametrize("blob", ["../a.png", "a//b.png", "_results/a.png", "a\\b.png", "a\x00.png"])
def test_ambiguous_blob_names_are_refused(client: FlaskClient, container: str, blob: str) -> None:
    answer = put(client, container, blob)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_blob")


def test_the_results_container_takes_no_uploads(client: FlaskClient, account: StorageAccount) -> None:
    answer = put(client, account.settings.results_container)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_container")


def test_concurrent_uploads_of_one_name_have_one_winner(account: StorageAccount, container: str) -> None:
    app = create_app(account.services)
    bodies = [bytes([number]) * 50_000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda body: put(app.test_client(), container, body=body).status_code, bodies))
    assert statuses.count(201) == 1
    # The loser of a race may be told that storage had trouble; what counts is whose bytes are there.
    assert account.services.blobs.read(container, "face.png") == bodies[statuses.index(201)]


def test_pieces_are_put_together_in_order(account: StorageAccount) -> None:
    blobs: AzureBlobs = account.services.blobs
    pieces = [bytes([number]) * 1000 for number in range(12)]
    blobs.upload_stream(
        account.container, "a.mp4", iter(pieces), content_type="video/mp4", metadata=lambda: {"sha256": "x"}
    )
    assert blobs.read(account.container, "a.mp4") == b"".join(pieces)
    with pytest.raises(BlobExists):
        blobs.upload_stream(account.container, "a.mp4", iter(pieces), content_type="video/mp4", metadata=dict)
    with pytest.raises(NotFound):
        blobs.upload_stream("not-there", "a.mp4", iter(pieces), content_type="video/mp4", metadata=dict)


def test_an_upload_holds_one_piece_in_memory(account: StorageAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1000)
    asked: list[int] = []

    class Watched(BodyStream):
        rest = io.BytesIO(PICTURE)

        def read(self, size: int) -> bytes:
            asked.append(size)
            return self.rest.read(size)

    received = uploads._Received(Watched(), len(PICTURE), SHA256)
    pieces = list(received.pieces())
    assert b"".join(pieces) == PICTURE
    assert max(map(len, pieces)) == max(asked) == 1000
    assert min(asked) > 0


def test_the_scope_read_cannot_upload(door: Callable[..., Guarded], container: str) -> None:
    guarded = door()
    target = f"/uploads/{container}?blob=face.png"
    for name, status in (("read", 403), ("analyse", 201)):
        assert guarded.client.put(target, data=PICTURE, headers=guarded.headers(name)).status_code == status
    assert guarded.client.get(target, headers=guarded.headers("read")).status_code == 200
    assert guarded.client.get(target).status_code == 401


def put_own(
    client: FlaskClient, name: str = "photo.jpg", body: bytes = PICTURE, sha256: str = "", **headers: str
) -> TestResponse:
    digest = sha256 or hashlib.sha256(body).hexdigest()
    target = f"/uploads?name={quote(name)}&media_type=posed"
    return client.put(target, data=body, headers={"X-Content-SHA256": digest, **headers})


def place_of(client: FlaskClient, name: str = "photo.jpg", body: bytes = PICTURE, **headers: str) -> dict[str, Any]:
    digest = hashlib.sha256(body).hexdigest()
    answer = client.get(f"/uploads?name={quote(name)}&sha256={digest}", headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_a_file_of_ones_own_is_found_again_by_its_hash_on_another_day(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = uuid.uuid4().bytes
    # One clock for the route and the store.
    for module in (uploads, upload_places):
        monkeypatch.setattr(module, "today", lambda: "20261231")
    expected = {"container": "uploads-anonymous-20261231", "blob": f"{hashlib.sha256(body).hexdigest()}/photo.jpg"}
    assert place_of(client, body=body) == expected | {"upload": None}
    first = put_own(client, body=body)
    assert (first.status_code, first.json["container"], first.json["blob"]) == (201, *expected.values())
    for module in (uploads, upload_places):
        monkeypatch.setattr(module, "today", lambda: "20270101")
    assert place_of(client, body=body) == expected | {"upload": first.json}
    again = put_own(client, body=body)
    assert (again.status_code, again.json) == (200, first.json)
    # The day is that of the bytes, whatever they are called.
    assert put_own(client, "other.jpg", body).json["container"] == expected["container"]
    assert place_of(client, body=uuid.uuid4().bytes)["container"] == "uploads-anonymous-20270101"


def test_two_files_of_one_name_never_meet(client: FlaskClient, account: StorageAccount) -> None:
    bodies = [uuid.uuid4().bytes for _ in range(2)]
    answers = [put_own(client, body=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 201]
    blobs = account.services.blobs
    assert [blobs.read(answer.json["container"], answer.json["blob"]) for answer in answers] == bodies
    [job] = client.post(answers[0].json["links"]["analyse"]).json["jobs"]
    assert job["blob"] == answers[0].json["blob"]


def test_uploads_of_several_keys_are_apart(door: Callable[..., Guarded]) -> None:
    guarded = door()
    body = uuid.uuid4().bytes
    places = [put_own(guarded.client, body=body, **guarded.headers(name)).json for name in ("analyse", "admin")]
    assert [place["container"].rpartition("-")[0] for place in places] == ["uploads-analyse", "uploads-admin"]
    assert place_of(guarded.client, body=body, **guarded.headers("admin"))["upload"] == places[1]
    assert put_own(guarded.client, **guarded.headers("read")).status_code == 403


@pytest.mark.parametrize(
    ("name", "sha256", "code"),
    [("a/b.jpg", "", "bad_blob"), ("..", "", "bad_blob"), ("a.jpg", "0" * 64, "checksum_mismatch")],
)
def test_a_file_of_ones_own_has_a_plain_name_and_its_own_hash(
    client: FlaskClient, name: str, sha256: str, code: str
) -> None:
    answer = put_own(client, name, uuid.uuid4().bytes, sha256)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert client.put("/uploads?name=a.jpg", data=PICTURE).status_code == 400


def test_a_broken_connection_leaves_no_blob(served: Served, container: str) -> None:
    """Over the wire: the sender is gone after a part of what it announced."""
    target = f"/uploads/{container}?blob=face.png"
    port = int(served.stack.service_url.rsplit(":", 1)[1])
    head = (
        f"PUT {target} HTTP/1.1\r\nHost: {HOST}\r\nX-API-Key: {served.admin}\r\nContent-Length: {len(PICTURE)}\r\n\r\n"
    )
    with socket.create_connection((HOST, port)) as connection:
        connection.sendall(head.encode() + PICTURE[:-1])
    deadline = time.monotonic() + 10
    while not served.log_lines("request.answered") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert served.ask(target).status == 404
    assert served.ask(target, "PUT", body=PICTURE).status == 201
    assert json.loads(served.ask(target).body)["sha256"] == SHA256


def test_a_large_file_costs_the_server_little_memory(served: Served, container: str) -> None:
    """48 MiB through the real server, which holds a few pieces of 4 MiB at a time, and never the file."""
    workers = _children(served.stack.web.process_id)
    assert workers
    assert served.ask(f"/uploads/{container}?blob=small.mp4", "PUT", body=bytes(1 << 20)).status == 201
    before = {pid: _peak_mib(pid) for pid in workers}
    body = bytes(48 << 20)
    answer = served.ask(f"/uploads/{container}?blob=long.mp4", "PUT", body=body)
    assert answer.status == 201, answer.body
    assert answer.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert max(_peak_mib(pid) - before[pid] for pid in workers) < 32


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.parametrize(
    "container", ["azure-webjobs-hosts", "azure-webjobs-secrets", "dead-letters", "$web", "%24web", "$logs"]
)
def test_reserved_containers_take_no_uploads(client: FlaskClient, container: str) -> None:
    answer = client.put(f"/uploads/{container}?blob=a.png", data=PICTURE, content_type="image/png")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (400, "bad_container")


@pytest.mark.parametrize(
    ("blob", "content_type", "status"),
    [
        ("page.html", "image/png", 415),
        ("drawing.PDF", "image/jpeg", 415),
        ("set.zip", "video/mp4", 415),
        ("clip.unknown", "image/png", 201),
        ("no-suffix", "image/png", 201),
        ("a.png", "text/html", 201),
    ],
)
def test_the_suffix_outweighs_the_content_type(
    client: FlaskClient, account: StorageAccount, blob: str, content_type: str, status: int
) -> None:
    path = f"/uploads/{account.container}?blob={blob}"
    assert client.put(path, data=PICTURE, content_type=content_type).status_code == status
