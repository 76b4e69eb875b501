"""Calls of the function app: signed of late, of this job, and with a table in storage that may be read."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from service.errors import BadRequest
from service.results.compare.signed_call import (
    LATE_S,
    Announcement,
    ForbiddenLink,
    NotSigned,
    check_link,
    check_signature,
    signature,
)

SECRET, BODY = "0123456789abcdef", b'{"job_id": "x"}'
STORAGE = ["https://acc.blob.core.windows.net/results", "http://127.0.0.1:10000/devstoreaccount1/"]


def signed(timestamp: str, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {"X-Signature-Timestamp": timestamp, "X-Signature": signature(secret, timestamp, body)}


def test_a_signature_is_over_time_stamp_and_raw_body() -> None:
    expected = hmac.new(b"0123456789abcdef", b'1700000000.{"job_id": "x"}', hashlib.sha256).hexdigest()
    assert signature(SECRET, "1700000000", BODY) == f"sha256={expected}"


def test_a_call_of_now_is_signed() -> None:
    check_signature(SECRET, signed(str(int(time.time()))), BODY)


@pytest.mark.parametrize("off_s", [-LATE_S - 5, LATE_S + 5])
def test_a_call_of_another_time_is_refused(off_s: int) -> None:
    with pytest.raises(NotSigned):
        check_signature(SECRET, signed(str(int(time.time()) + off_s)), BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(str(int(time.time())), b"other"),
        signed(str(int(time.time())), secret="another secret 16"),
        signed(str(int(time.time()))) | {"X-Signature": "sha256=é"},
        signed("٣" * 10),
        signed("1" * 400),
        signed("-1"),
        signed("1e9"),
    ],
)
def test_a_call_with_another_signature_or_an_odd_time_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotSigned):
        check_signature(SECRET, headers, BODY)


@pytest.mark.parametrize(
    "link",
    [
        "https://acc.blob.core.windows.net/results/c/a.csv?sig=x",
        "https://ACC.blob.core.windows.net:443/results/c/a.csv",
        "http://127.0.0.1:10000/devstoreaccount1/c/a.csv",
    ],
)
def test_a_table_below_an_allowed_address_may_be_fetched(link: str) -> None:
    check_link(link, STORAGE)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "http://acc.blob.core.windows.net/results/a.csv",
        "https://acc.blob.core.windows.net/results",
        "https://acc.blob.core.windows.net/resultsother/a.csv",
        "https://acc.blob.core.windows.net/results/../other/a.csv",
        "https://acc.blob.core.windows.net/results/%2e%2e/other/a.csv",
        "https://acc.blob.core.windows.net/results/%252e%252e/other/a.csv",
        "https://acc.blob.core.windows.net/results/..\\a.csv",
        "https://acc.blob.core.windows.net@evil.example/results/a.csv",
        "https://user@acc.blob.core.windows.net/results/a.csv",
        "https://acc.blob.core.windows.net.evil.example/results/a.csv",
        "https://acc.blob.core.windows.net:8443/results/a.csv",
        "https://acc.blob.core.windows.net:99999/results/a.csv",
        "https://acc.blob.core.windows.net/results/a.csv#x",
        "https://acc.blob.core.windows.net/results/\u0430.csv",
        "https://acc.blob.core.windows.net/results/a\n.csv",
        "http://127.0.0.1:10001/devstoreaccount1/c/a.csv",
        "https://[::1/results/a.csv",
        "file:///etc/passwd",
    ],
)
def test_any_other_link_is_forbidden(link: str) -> None:
    with pytest.raises(ForbiddenLink):
        check_link(link, STORAGE)


CALL = {
    "job_id": "a" * 32,
    "container": "c",
    "blob": "a.jpg",
    "csv_sha256": "b" * 64,
    "links": {"csv": "https://x/a.csv", "more": 1},
    "manifest": {},
    "of_a_newer_version": True,
}


def test_an_announcement_of_a_newer_version_is_read() -> None:
    assert Announcement.read(json.dumps(CALL).encode(), "a" * 32).links.csv == "https://x/a.csv"


@pytest.mark.parametrize(
    ("change", "key", "code"),
    [
        ({"job_id": "../x"}, "a" * 32, "bad_announcement"),
        ({"csv_sha256": "B" * 64}, "a" * 32, "bad_announcement"),
        ({"links": {"csv": "x" * 8001}}, "a" * 32, "bad_announcement"),
        ({"manifest": []}, "a" * 32, "bad_announcement"),
        ({}, "c" * 32, "bad_key"),
    ],
)
def test_an_announcement_of_another_form_or_under_another_key_is_refused(
    change: dict[str, Any], key: str, code: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        Announcement.read(json.dumps(CALL | change).encode(), key)
    assert refused.value.code == code
