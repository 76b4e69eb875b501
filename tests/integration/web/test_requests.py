"""Requests byte for byte through the real server: servers rewrite paths, and callers send anything."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from contextlib import closing
from urllib.parse import quote

import pytest

from infra.local.loopback import HOST
from service.web.access.keys import PREFIX
from tests.integration.web.conftest import Served

pytestmark = pytest.mark.xdist_group("served")

PROBLEM = "application/problem+json"
LONGEST = "x" * 1020 + ".jpg"


@pytest.fixture(scope="module")
def container(served: Served) -> str:
    """An upload whose one picture must never be taken for another."""
    name = str(uuid.uuid4())
    served.upload(name, "face.jpg")
    return name


def _jobs(served: Served, container: str) -> list[str]:
    return [job["blob"] for job in served.ask(f"/jobs?container={container}").json["jobs"]]


@pytest.mark.parametrize(
    "name",
    [
        "a b.jpg",
        " .jpg",
        "+.jpg",
        "ünï/код.jpg",
        "\U0001f600.jpg",
        "�.jpg",
        "'\"`$(id)`;&|<>*.jpg",
        "{container}.jpg",
        "#.jpg",
        "?.jpg",
        "?blob=other.jpg",
        "a&blob=other.jpg",
        "-rf.jpg",
        "--out.jpg",
        "%.jpg",
        "%20.jpg",
        "a%2Fb.jpg",
        "a%252Fb.jpg",
        "%2e%2e%2fface.jpg",
        "..a/b...jpg",
        "~/.jpg",
        "a/~/b.jpg",
        "a:b@c.jpg",
        LONGEST,
        "ü" * 1020 + ".jpg",
    ],
)
def test_a_name_selects_exactly_its_blob(served: Served, name: str) -> None:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg", name)
    reply = served.ask(f"/analyse/image/wild/{container}?blob={quote(name, safe='')}", "POST")
    assert reply.status == 202, reply.body
    [job] = reply.json["jobs"]
    assert job["blob"] == name
    assert _jobs(served, container) == [name]
    assert served.ask(job["links"]["self"]).json["blob"] == name
    assert served.ask(reply.headers["Location"]).status == 200


@pytest.mark.parametrize(
    "blob",
    [
        "",
        ".",
        "..",
        "..%2Fface.jpg",
        "a%2F..%2Fface.jpg",
        "a/../face.jpg",
        ".%2Fface.jpg",
        "%2Fface.jpg",
        "/face.jpg",
        "a%2F%2Fface.jpg",
        "a%5C..%5Cface.jpg",
        "face.jpg%00",
        "%00",
        "face.jpg%0d%0aX: y",
        "%7f.jpg",
        "_results%2Fface.jpg",
        "%FF.jpg",
        "%C0%AE%C0%AE%2Fface.jpg",
        "%ED%A0%80.jpg",
        "face.jpg&blob=face.jpg",
        "face.jpg&blob=other.jpg",
        "x" * 1025,
        "no-such.jpg",
        "FACE.JPG",
        "face.jpg%20",
        "face.jpg%2F",
        "face.jpg.",
    ],
)
def test_similar_names_do_not_select_the_picture(served: Served, container: str, blob: str) -> None:
    target = f"/analyse/image/wild/{container}?blob={quote(blob, safe='%/&=')}"
    reply = served.ask(target, "POST")
    assert (reply.status in {400, 404}, reply.headers["Content-Type"]) == (True, PROBLEM), reply.body
    assert _jobs(served, container) == []


@pytest.mark.parametrize(
    "path",
    [
        "/analyse/image/wild/{c}/../{c}",
        "/analyse/image/wild/{c}/..",
        "/analyse/image/wild/..",
        "/analyse/image/wild/%2e%2e",
        "/analyse/image/wild/%2e%2e%2fjobs",
        "/analyse/image/../../jobs/{c}",
        "/analyse/image/wild/{c}%2Fface.jpg",
        "/analyse/image/wild/{c}%252Fface.jpg",
        "/analyse/image/wild/{c}%2F",
        "/analyse/image/wild/{c}/",
        "/analyse/image/wild/%2F{c}",
        "/analyse/image/wild/{c}%00",
        "/analyse/image/wild/{c}%20",
        "/analyse/image/wild/{c}%0a",
        "/analyse/image/wild/{c}%FF",
        "/analyse/image/wild/{c}.",
        "/analyse/image/wild/{c};x=1",
        "/analyse/image/wild/'{c}'",
        "/analyse/image/wild/-{c}",
        "/analyse/image/wild/",
        "/analyse/image/wild/" + "a" * 64,
        "/analyse/image/wild/" + "a" * 5000,
        "/analyse/image//wild/{c}",
        "/analyse/im%00age/wild/{c}",
        "/analyse/image/w%C4%B1ld/{c}",
        "/jobs/..%2F..%2Fetc%2Fpasswd",
        "/jobs/%00",
        "/jobs/" + "0" * 31 + "%0a",
        "/jobs/" + "0" * 32 + "%0a",
        "/jobs/" + "0" * 32 + "/manifest.json%2F..",
        "/jobs?container=%00",
        "/jobs?container=" + "a" * 64,
        "/jobs?container='%20or%20''%20eq%20'",
        "/jobs?state=",
        "/jobs?cursor=%00",
        "/jobs?cursor=" + "A" * 2001,
        "/jobs?cursor=bnVsbA==",
        "/jobs?cursor=e30=",
        "/jobs?cursor=eyJQYXJ0aXRpb25LZXkiOjEsIlJvd0tleSI6W119",
        "/jobs?cursor=%FF",
        "/nothing",
        "/docs/static/..%2f..%2f..%2fapp.py",
        "/docs/static/../../../app.py",
        "/docs/swagger/..%2f..%2fapp.py",
        "/.git/config",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/" + "a/" * 2000,
    ],
)
def test_paths_are_not_normalised(served: Served, container: str, path: str) -> None:
    reply = served.ask(path.replace("{c}", container))
    assert reply.status in {400, 404} or _is_an_empty_list(reply.status, reply.body), reply.body
    assert (reply.status == 200) or reply.headers["Content-Type"] == PROBLEM
    assert b"root:" not in reply.body
    assert _jobs(served, container) == []


def _is_an_empty_list(status: int, body: bytes) -> bool:
    """A cursor of another partition's kind may be one past the end."""
    return status == 200 and json.loads(body) == {"jobs": [], "cursor": None}


@pytest.mark.parametrize("target", ["/jobs?x={}", "/analyse/image/wild/abc?blob={}", "/{}"])
def test_too_long_requests_are_refused(served: Served, target: str) -> None:
    assert served.ask(target.format("x" * 100_000)).status == 414


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/jobs", "/analyse/image/wild/{c}", "/jobs/" + "0" * 32 + "/cancel"])
def test_other_methods_are_not_allowed(served: Served, container: str, method: str, path: str) -> None:
    reply = served.ask(path.replace("{c}", container), method)
    assert (reply.status, reply.headers["Content-Type"]) == (405, PROBLEM)
    assert {"GET", "POST"} & set(reply.headers["Allow"].replace(" ", "").split(","))


@pytest.mark.parametrize("first_line", [b"get /jobs HTTP/1.1", b"GET /jobs", b"GET  /jobs HTTP/1.1", b"\x16\x03\x01"])
def test_invalid_http_is_refused(served: Served, first_line: bytes) -> None:
    port = int(served.stack.service_url.rsplit(":", 1)[1])
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(first_line + b"\r\nHost: x\r\n\r\n")
        assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]


def test_head_is_get_without_a_body(served: Served) -> None:
    for path in ("/jobs", "/healthz", "/openapi.json"):
        head, get = served.ask(path, "HEAD"), served.ask(path)
        assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", get.headers["Content-Type"])
    assert served.ask("/jobs/" + "0" * 32 + "/events", "HEAD").status == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ";;;"])
def test_a_short_body_is_ignored(served: Served, method: str, content_type: str) -> None:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    target, headers = f"/analyse/image/wild/{container}?blob=face.jpg", {"Content-Type": content_type}
    for body in (b"{", b"x" * 60_000):
        assert served.ask(target, method, headers, body=body).status == 202
    assert served.ask(target, method, {"Content-Length": "-1"}).status == 400


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=²", None),
        ("wait=0", None),
        ("wait=" + "0" * 5000, None),
        ('wait="1"', "wait=1"),
        ("WAIT=1", "wait=1"),
        ("wait=1; x=y", None),
        ("wait*=UTF-8''%FF", None),
        ('wait="', None),
        (",;=,,\\", None),
        ("return=minimal, handling=lenient", None),
        ("x" * 8000, None),
    ],
)
def test_any_prefer_header_is_tolerated(served: Served, prefer: str, applied: str | None) -> None:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    reply = served.ask(f"/analyse/image/wild/{container}?blob=face.jpg", "POST", {"Prefer": prefer})
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == applied


def test_the_wait_is_limited(served: Served) -> None:
    """More digits than Python reads: the longest wait, not an error. The job is ended, so nothing is waited for."""
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    target = f"/analyse/image/wild/{container}?blob=face.jpg"
    job_id = served.ask(target, "POST").json["jobs"][0]["id"]
    served.ask(f"/jobs/{job_id}/cancel", "POST")
    reply = served.ask(target, "POST", {"Prefer": "wait=" + "9" * 5000})
    assert (reply.status, reply.headers["Preference-Applied"]) == (200, "wait=25")


@pytest.mark.parametrize("trace", ["", "x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "z" * 32, "ü" * 500])
def test_any_traceparent_is_tolerated(served: Served, trace: str) -> None:
    assert served.ask("/jobs", headers={"traceparent": trace}).status == 200


def test_the_events_of_an_unfinished_job_begin_at_once(served: Served) -> None:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    [job] = served.ask(f"/analyse/image/wild/{container}?blob=face.jpg", "POST").json["jobs"]
    port = int(served.stack.service_url.rsplit(":", 1)[1])
    with closing(http.client.HTTPConnection(HOST, port, timeout=10)) as connection:
        connection.request("GET", job["links"]["events"], headers={"X-API-Key": served.admin})
        stream = connection.getresponse()
        assert stream.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        assert [stream.readline() for _ in range(3)] == [b"retry: 1000\n", b"\n", b"event: job\n"]
    # A client that disconnects does not harm the server.
    assert served.ask("/healthz").status == 200


def test_the_log_never_holds_a_key(served: Served) -> None:
    secret = f"{PREFIX}hush-hush"
    header, line = {"X-API-Key": secret}, f"X-API-Key {secret}".encode()
    assert served.ask("/jobs", headers=header, key="").status == 401
    assert served.ask("/jobs", headers={"Authorization": f"Bearer {secret}"}, key="").status == 401
    for broken in (line, line.replace(b" ", b" : "), f"{secret}\x01: x".encode(), f"X-API-Key: {secret}\0".encode()):
        assert served.ask("/jobs", key="", lines=(broken,)).status == 400
    assert "hush-hush" not in served.log
    assert served.admin not in served.log
    refused = [line["event"] for line in map(json.loads, served.log.splitlines()) if "Invalid" in line["event"]]
    assert any("Invalid HTTP Header" in event for event in refused)


def test_log_lines_name_the_caller(served: Served) -> None:
    container = str(uuid.uuid4())
    served.upload(container, "face.jpg")
    served.ask(f"/analyse/image/wild/{container}?blob=face.jpg", "POST")
    [submitted] = [line for line in served.log_lines("job.submitted") if line["container"] == container]
    [answered] = [line for line in served.log_lines("request.answered") if container in line["path"]]
    assert submitted["key"] == answered["key"] == "admin"
    served.ask(f"/analyse/image/wild/{container}", key="wrong")
    [refused] = [line for line in served.log_lines("request.refused") if container in line["path"]]
    assert (refused["reason"], refused["address"], refused["method"]) == ("unknown key", HOST, "GET")
    assert "key" not in refused


def test_no_request_was_logged_as_an_error(served: Served) -> None:
    lines = [json.loads(line) for line in served.log.splitlines() if line.startswith("{")]
    # Keys files are broken on purpose by other tests of the same server.
    errors = [line for line in lines if line["level"] in {"error", "critical"} and line["event"] != "keys.file_refused"]
    assert errors == []
    # Slow senders of pictures are more than are listened to at once, and a server is not ready as it starts.
    busy = {("/api/detect", 503), ("/readyz", 503)}
    assert {(line["path"], line["status"]) for line in lines if line.get("status", 0) >= 500} <= busy
