"""The receiver as a process of its own, called as the function app calls it, reading from real storage."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.azurite import ACCOUNT, Azurite
from infra.local.loopback import HOST, free_port, http_status
from infra.local.part import Part
from infra.local.stack import REPOSITORY
from service.results.compare.signed_call import ForbiddenLink, NotSigned, check_link, check_signature
from tests.conftest import StorageAccount, account_on
from tests.fixtures.comparable_results import face, result, table
from tests.integration.cli.conftest import CommandLine

SECRET = "a secret of sixteen or more"
TABLE = table("image", [face(AU12_r=2.6)]).encode()


def _signature(timestamp: str, body: bytes, secret: str = SECRET) -> str:
    """By the function app's own code; it ships apart, so it is loaded from its file."""
    folder = REPOSITORY / "cloud_function"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("announcing", folder / "next_stage.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.signature(secret, timestamp, body)
    finally:
        sys.path.remove(str(folder))


@dataclass(frozen=True)
class Receiver:
    url: str
    out: Path
    account: StorageAccount
    part: Part

    def announcement(self, number: int, csv: bytes = TABLE, **other: Any) -> dict[str, Any]:
        """Of a table that is really in storage."""
        job_id, blobs = f"{number:032x}", self.account.services.blobs
        container = self.account.settings.results_container
        blobs.upload(container, f"{job_id}/t ü.csv", csv, content_type="text/csv")
        return {
            "schema": 1,
            "job_id": job_id,
            "container": "c-1",
            "blob": "<b>.jpg",
            "media": "image",
            "media_type": "wild",
            "csv_sha256": hashlib.sha256(csv).hexdigest(),
            "links": {"csv": blobs.link(container, f"{job_id}/t ü.csv", 5), "manifest": ""},
            "manifest": {"job": {"id": job_id, "blob": "<b>.jpg"}},
        } | other

    def call(
        self, told: dict[str, Any], *, age_s: float = 0, secret: str = SECRET, **headers: str
    ) -> requests.Response:
        body, timestamp = json.dumps(told).encode(), str(int(time.time() - age_s))
        sent = {
            "Content-Type": "application/json",
            "Idempotency-Key": told["job_id"],
            "X-Signature-Timestamp": timestamp,
            "X-Signature": _signature(timestamp, body, secret),
        }
        return requests.post(self.url, data=body, headers=sent | headers, timeout=30)

    def verdict(self, told: dict[str, Any]) -> Path:
        return self.out / told["job_id"] / "verdict.json"


@pytest.fixture(scope="module")
def receiver(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("receiver")
    account = account_on(azurite, folder)
    (folder / "p.json").write_text('{"action_units": {"AU12_r": {"desired": 2.5, "tolerance": 0.2}}}')
    port = free_port()
    storage = f"http://{HOST}:{azurite.blob_port}/{ACCOUNT}/{account.settings.results_container}/"
    argv = ["next-stage", "--reference", str(folder / "p.json"), "--out", str(folder / "out")]
    part = Part(
        "next-stage",
        [sys.executable, "-m", "service", *argv, "--storage-url", storage, "--port", str(port), "--max-mb", "1"],
        log_file=folder / "log",
        environ={"PATH": "/usr/bin:/bin", "NEXT_STAGE_SECRET": SECRET, "LOG_FORMAT": "json"},
        is_ready=lambda _: http_status(f"http://{HOST}:{port}/healthz") == 200,
        folder=REPOSITORY,
    )
    part.start()
    yield Receiver(f"http://{HOST}:{port}/", folder / "out", account, part)
    part.stop()


def test_a_call_ends_in_a_verdict_once(receiver: Receiver) -> None:
    told = receiver.announcement(1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: receiver.call(told), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    written = json.loads(receiver.verdict(told).read_text())
    assert all(answer.json() == written for answer in answers)
    assert (written["verdict"], written["action_units"][0]["measured"]) == ("pass", 2.6)
    assert "&lt;b&gt;.jpg" in receiver.verdict(told).with_name("verdict.html").read_text()
    # The table is gone by now: a repeated call needs it no more.
    [blob] = receiver.account.services.blobs.page(
        receiver.account.settings.results_container, prefix=told["job_id"]
    ).blobs
    receiver.account.services.blobs.delete(receiver.account.settings.results_container, blob.name, blob.etag)
    before = receiver.verdict(told).stat().st_mtime_ns
    assert receiver.call(told).json() == written
    assert receiver.verdict(told).stat().st_mtime_ns == before
    made = [line for line in receiver.part.log_since_start().splitlines() if "verdict.made" in line]
    assert len(made) == 1
    assert sorted(file.name for file in receiver.verdict(told).parent.iterdir()) == [
        ".lock",
        "verdict.html",
        "verdict.json",
    ]


def test_calls_that_are_not_signed_are_refused(receiver: Receiver) -> None:
    told = receiver.announcement(2)
    refused = [
        receiver.call(told, secret="another secret of sixteen"),
        receiver.call(told, age_s=400),
        receiver.call(told, age_s=-400),
        receiver.call(told, **{"X-Signature": ""}),
        receiver.call(told, **{"X-Signature": "sha256=é".encode().decode("latin-1")}),
        receiver.call(told, **{"X-Signature-Timestamp": "soon"}),
        receiver.call(told, **{"X-Signature-Timestamp": "1" * 400}),
        requests.post(receiver.url, json=told, timeout=10),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(401, "not_signed")] * len(refused)
    assert not receiver.verdict(told).exists()


def test_calls_that_make_no_sense_are_refused(receiver: Receiver) -> None:
    told = receiver.announcement(3)
    assert receiver.call(told, **{"Idempotency-Key": "f" * 32}).json()["code"] == "bad_key"
    for fault in ({"job_id": "../../etc"}, {"csv_sha256": "x"}, {"links": {}}, {"manifest": None}):
        answer = receiver.call(told | fault)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_announcement")
    assert requests.post(receiver.url, data=b"x" * (5 << 20), timeout=10).status_code == 413
    assert requests.get(receiver.url, timeout=10).status_code == 405


def test_only_the_announced_table_from_the_storage_that_is_allowed(receiver: Receiver) -> None:
    told = receiver.announcement(4)
    elsewhere = told | {"links": {"csv": f"http://{HOST}:{free_port()}/results/t.csv"}}
    answer = receiver.call(elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_link")
    for wrong in (
        told | {"csv_sha256": "0" * 64},
        told | {"links": {"csv": told["links"]["csv"].replace("t%20", "u%20")}},
        receiver.announcement(5, TABLE + b"0" * (2 << 20)),
    ):
        answer = receiver.call(wrong)
        assert (answer.status_code, answer.json()["code"]) == (502, "not_fetched")
        # A link lets its holder read: it is in no answer and no log line.
        assert "sig=" not in answer.text
    assert "sig=" not in receiver.part.log_since_start()
    assert not receiver.verdict(told).exists()
    malformed = receiver.call(receiver.announcement(6, TABLE[:-4]))
    assert (malformed.status_code, malformed.json()["code"]) == (422, "malformed_output")
    # And then the right one.
    assert receiver.call(told).json()["verdict"] == "pass"


def test_a_manifest_that_is_strange_spoils_nothing(receiver: Receiver) -> None:
    answer = receiver.call(receiver.announcement(7, manifest={"job": 1, "engine": []}))
    assert (answer.status_code, answer.json()["result"]["media"]) == (200, "<b>.jpg")


@pytest.mark.parametrize(
    "link",
    [
        "http://store/results/a.csv",
        "https://store:444/results/a.csv",
        "https://store.evil/results/a.csv",
        "https://store@evil/results/a.csv",
        "https://user@store/results/a.csv",
        "https://store/resultsx/a.csv",
        "https://store/results/../other/a.csv",
        "https://store/results/%2e%2e/other/a.csv",
        "https://store/results/%252e%252e/other/a.csv",
        "https://store/results/..\\a.csv",
        "https://store/results/a.csv#x",
        "https://store:port/results/a.csv",
        "file:///results/a.csv",
        "https://evil\u3002store/results/a.csv",
        "",
    ],
)
def test_links_elsewhere_are_refused(link: str) -> None:
    check_link("https://store/results/a%20b.csv?sig=1", ["https://other/", "https://store/results"])
    with pytest.raises(ForbiddenLink):
        check_link(link, ["https://store/results/"])


def test_a_changed_body_is_not_signed_any_more() -> None:
    timestamp = str(int(time.time()))
    headers = {"X-Signature-Timestamp": timestamp, "X-Signature": _signature(timestamp, b"body")}
    check_signature(SECRET, headers, b"body")
    with pytest.raises(NotSigned):
        check_signature(SECRET, headers, b"Body")


@pytest.mark.parametrize(
    ("environ", "storage", "says"),
    [({}, "http://x/", "16 characters"), ({"NEXT_STAGE_SECRET": SECRET}, "x", "no http(s) address")],
)
def test_it_does_not_start_with_half_a_lock(tmp_path: Path, environ: dict, storage: str, says: str) -> None:
    one = result(tmp_path / "a", "image", [face(AU12_r=1.0)])
    argv = ["--reference", str(one / "manifest.json"), "--out", str(tmp_path), "--storage-url", storage]
    done = CommandLine(environ)("next-stage", *argv)
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr
