"""Local files on their way through a service."""

from __future__ import annotations

from pathlib import Path

from service.client.client import Client
from service.client.models import ClientError, RemoteJob
from service.client.send import LONGEST_NAME, JobFailed, LocalFile, Sender, Sent, upload_name
from tests.cloud_function.stand_in import serving
from tests.fixtures.scripted_service import JOB, Scripted, said

FIELDS = {
    "id": JOB,
    "state": "queued",
    "stage": "",
    "progress": 0,
    "container": "c",
    "blob": "a.jpg",
    "media": "image",
    "media_type": "wild",
}


def test_file_names_become_valid_names_of_uploads() -> None:
    assert upload_name(Path("/x/Ünï côdé (1).jpg")) == "Ünï côdé (1).jpg"
    assert upload_name(Path("/x/a\\b\tc.jpg")) == "a_b_c.jpg"
    assert upload_name(Path("/x/\udcff.jpg")) == "?.jpg"


def test_a_long_name_keeps_its_ending() -> None:
    name = upload_name(Path("/x/" + "a" * 2000 + ".jpg"))
    assert (len(name), name[-5:]) == (LONGEST_NAME, "a.jpg")


def test_pictures_whose_uploads_would_have_one_name_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a\\b.jpg", "a_b.jpg"):
        (folder / name).write_bytes(name.encode())
    server = Scripted()
    with serving(server), Client(server.url) as client:
        [sent] = Sender(client, "wild").send([LocalFile(folder, "in", "sequence")], lambda *_: None)
    assert (sent.outcome, "a_b.jpg" in str(sent.error), server.requests) == ("failed", True, [])


def test_a_failed_file_is_told_and_the_others_are_sent(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    there = {"container": "c", "blob": "a.jpg"}
    answers = {"GET /uploads": [said({"upload": there})], "POST /analyse/image/wild/c": [said({"jobs": [FIELDS]}, 202)]}
    server = Scripted(script=answers)
    files = [LocalFile(tmp_path / name, name, "image") for name in ("gone.jpg", "a.jpg")]
    with serving(server), Client(server.url) as client:
        sent = {each.name: each for each in Sender(client, "wild", wait=False).send(files, lambda *_: None)}
    assert (sent["gone.jpg"].outcome, sent["a.jpg"].outcome) == ("failed", "submitted")
    assert sent["a.jpg"].as_dict()["job"]["id"] == JOB


def test_a_job_that_did_not_succeed_has_its_own_code() -> None:
    job = RemoteJob.model_validate({**FIELDS, "state": "failed", "error": {"code": "no_output", "message": "no table"}})
    assert (JobFailed(job).code, str(JobFailed(job))) == ("no_output", "no table")
    ended = RemoteJob.model_validate({**FIELDS, "state": "cancelled"})
    assert (JobFailed(ended).code, str(JobFailed(ended))) == ("cancelled", "the job ended as cancelled")


def test_a_file_outcome_is_one_json_object() -> None:
    told = Sent("a.jpg", "failed", error=ClientError("gone")).as_dict()
    assert told == {
        "file": "a.jpg",
        "outcome": "failed",
        "job": None,
        "csv": None,
        "error": {"code": "client_error", "message": "gone"},
    }
