"""The job's identity, its options, and the queue message."""

from __future__ import annotations

import dataclasses
import json

import pytest

from service.errors import BadJob, BadRequest
from service.jobs.job import SCHEMA, AnalysisJob, JobOptions, QueuedJob

JOB = AnalysisJob(
    container="3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11",
    blob="takes/Zoë 1.v2.mp4",
    etag="0x8DC",
    media="video",
    media_type="wild",
    options=JobOptions.resolve("video", "wild", {}),
)


def test_id_is_the_documented_hash() -> None:
    # Written out once by hand: ids are kept in storage, so a change of this form doubles every job.
    canonical = (
        '{"blob":"takes/Zo\\u00eb 1.v2.mp4","container":"3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11","etag":"0x8DC",'
        '"generation":0,"media":"video","media_type":"wild","options":{"au":"dynamic","faces":"one","gallery":"",'
        '"multi_view":true,"overlay":false}}'
    )
    import hashlib

    assert JOB.job_id == hashlib.sha256(canonical.encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    "change",
    [
        {"container": "other"},
        {"blob": "takes/zoë 1.v2.mp4"},
        {"etag": "0x8DD"},
        {"media_type": "posed"},
        {"generation": 1},
        {"options": JobOptions.resolve("video", "wild", {"au": "static"})},
        {"options": JobOptions.resolve("video", "wild", {"multi_view": "0"})},
    ],
)
def test_every_field_is_part_of_the_identity(change: dict[str, object]) -> None:
    assert dataclasses.replace(JOB, **change).job_id != JOB.job_id  # type: ignore[arg-type]


def test_spelled_out_defaults_are_the_same_job() -> None:
    spelled = JobOptions.resolve(
        "video", "wild", {"faces": "one", "au": "dynamic", "multi_view": "1", "overlay": "0", "gallery": ""}
    )
    assert dataclasses.replace(JOB, options=spelled).job_id == JOB.job_id


@pytest.mark.parametrize(
    ("media", "media_type", "given", "resolved"),
    [
        ("image", "posed", {}, ("many", "static", False)),
        ("image", "wild", {}, ("many", "static", True)),
        ("image", "wild", {"faces": "one"}, ("one", "static", True)),
        ("video", "posed", {}, ("one", "dynamic", False)),
        ("video", "posed", {"faces": "many"}, ("many", "static", False)),
        ("video", "wild", {"au": "static", "multi_view": "0"}, ("one", "static", False)),
    ],
)
def test_options_are_filled_in_as_the_commands_would(
    media: str, media_type: str, given: dict[str, str], resolved: tuple[str, str, bool]
) -> None:
    options = JobOptions.resolve(media, media_type, given)  # type: ignore[arg-type]
    assert (options.faces, options.au, options.multi_view) == resolved


@pytest.mark.parametrize(
    ("media", "given", "code", "says"),
    [
        ("video", {"speed": "2"}, "unknown_option", "known: faces, au, multi_view, overlay, gallery"),
        ("video", {"faces": "two"}, "bad_option", "one, many"),
        ("image", {"au": "dynamic"}, "bad_option", "always au=static"),
        ("video", {"faces": "many", "au": "dynamic"}, "bad_option", "always au=static"),
        ("image", {"gallery": "staff"}, "option_unavailable", "no galleries"),
    ],
)
def test_what_cannot_be_had_is_refused(media: str, given: dict[str, str], code: str, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        JobOptions.resolve(media, "wild", given)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert says in caught.value.message


def test_message_survives_the_queue() -> None:
    text = QueuedJob(JOB, "00-" + "1" * 32 + "-" + "2" * 16 + "-01").encode()
    assert text.isascii()
    assert QueuedJob.decode(text) == QueuedJob(JOB, "00-" + "1" * 32 + "-" + "2" * 16 + "-01")


def _message(**changes: object) -> str:
    fields = json.loads(QueuedJob(JOB, "").encode())
    return json.dumps({**fields, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '"text"',
        "{}",
        _message(schema=SCHEMA + 1),
        _message(schema=None),
        _message(job_id="0" * 32),
        _message(job=None),
        _message(job={**JOB.as_dict(), "media": "sound"}),
        _message(job={**JOB.as_dict(), "blob": ""}),
        _message(job={**JOB.as_dict(), "options": {}}),
        _message(job={**JOB.as_dict(), "options": {**JOB.as_dict()["options"], "speed": 2}}),
    ],
)
def test_what_is_not_a_job_is_told_apart(text: str) -> None:
    with pytest.raises(BadJob):
        QueuedJob.decode(text)


@pytest.mark.parametrize(
    ("blob", "stem"),
    [("a/b/clip.mp4", "clip"), ("a.b.mp4", "a.b"), ("noext", "noext"), (".hidden", ".hidden"), ("a b.JPG", "a b")],
)
def test_stem_is_openfaces(blob: str, stem: str) -> None:
    assert dataclasses.replace(JOB, blob=blob).stem == stem
