"""The job's identity and its queue message: ids and messages of earlier releases, and text that is no job."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadJob
from service.jobs.job import NEWEST_SCHEMA, SCHEMA, AnalysisJob, NewerJob, QueuedJob
from service.jobs.media_kind import Media, MediaType
from service.jobs.options import JobOptions

CONTAINER = "3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11"
TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
JOB = AnalysisJob(
    container=CONTAINER,
    blob="takes/Zoë 1.v2.mp4",
    etag="0x8DC",
    media="video",
    media_type="wild",
    options=JobOptions.resolve("video", "wild", {}),
)

GOLDEN_IDS: list[tuple[Media, MediaType, Mapping[str, str], int, str]] = [
    ("image", "posed", {}, 0, "41fac3db245fe32f6fcee8406b121415"),
    ("image", "wild", {"faces": "one", "overlay": "1"}, 1, "e89aa21e5aef18e59c1e197f0b9b77c9"),
    ("video", "posed", {}, 0, "c8c2312afe1c657a92f68e664e9e6dc5"),
    ("video", "wild", {"faces": "many"}, 0, "c5731b11b8af71b2f9d7a08a47d4e154"),
    (
        "video",
        "wild",
        {"au": "static", "multi_view": "0", "overlay": "true"},
        1,
        "f3f7a1f08bc998ac0702f93e340e30bb",
    ),
    ("video", "wild", {"gallery": "staff"}, 0, "3ab713f74a0006245aeaf4c19076dcad"),
    ("image", "wild", {"fx": "500", "fy": "500", "region": "0,10,64,64"}, 0, "baaabf6c57f31eab32fbb3421b2e7344"),
    (
        "video",
        "posed",
        {"start": "1", "end": "2.5", "every": "2", "cx": "320.5", "cy": "240"},
        0,
        "daee36a9153c65536b61e772e5ea5a4c",
    ),
]

GOLDEN_JOB = (
    '"job": {"container": "3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11", "blob": "takes/Zo\\u00eb 1.v2.mp4", '
    '"etag": "0x8DC", "media": "video", "media_type": "wild", "options": {"faces": "one", "au": "dynamic", '
    '"multi_view": true, "overlay": false, "gallery": ""}, "generation": 0}'
)
GOLDEN_MESSAGE = (
    '{"schema": 1, "job_id": "90f61ba0f1345528234e45bca6acd9fe", "traceparent": '
    f'"00-11111111111111111111111111111111-2222222222222222-01", {GOLDEN_JOB}}}'
)
GOLDEN_MESSAGE_WITH_RECORD = (
    GOLDEN_MESSAGE[:-1] + ', "record": {"created": "2026-11-01T12:00:00.123456+00:00", "version": "W/\\"x\\""}}'
)


@pytest.mark.parametrize(("media", "media_type", "given", "generation", "job_id"), GOLDEN_IDS)
def test_ids_of_earlier_releases_are_unchanged(
    media: Media, media_type: MediaType, given: Mapping[str, str], generation: int, job_id: str
) -> None:
    suffix = "mp4" if media == "video" else "jpg"
    options = JobOptions.resolve(media, media_type, given, galleries=True)
    job = AnalysisJob(CONTAINER, f"takes/Zoë 1.v2.{suffix}", "0x8DC", media, media_type, options, generation)
    assert job.job_id == job_id


def test_messages_of_earlier_releases_are_unchanged() -> None:
    created = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert QueuedJob(JOB, TRACE).encode() == GOLDEN_MESSAGE
    assert QueuedJob(JOB, TRACE, created, 'W/"x"').encode() == GOLDEN_MESSAGE_WITH_RECORD
    assert QueuedJob.decode(GOLDEN_MESSAGE_WITH_RECORD) == QueuedJob(JOB, TRACE, created, 'W/"x"')


def test_id_is_the_documented_hash() -> None:
    # Written out once by hand: ids are kept in storage, so a change of this form doubles every job.
    canonical = (
        '{"blob":"takes/Zo\\u00eb 1.v2.mp4","container":"3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11","etag":"0x8DC",'
        '"generation":0,"media":"video","media_type":"wild","options":{"au":"dynamic","faces":"one","gallery":"",'
        '"multi_view":true,"overlay":false}}'
    )
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
def test_every_field_is_part_of_the_identity(change: dict[str, Any]) -> None:
    assert dataclasses.replace(JOB, **change).job_id != JOB.job_id


def test_spelled_out_defaults_are_the_same_job() -> None:
    spelled = JobOptions.resolve(
        "video", "wild", {"faces": "one", "au": "dynamic", "multi_view": "1", "overlay": "0", "gallery": ""}
    )
    assert dataclasses.replace(JOB, options=spelled).job_id == JOB.job_id


def test_message_survives_the_queue() -> None:
    text = QueuedJob(JOB, TRACE).encode()
    assert text.isascii()
    assert QueuedJob.decode(text) == QueuedJob(JOB, TRACE)


def message(**changes: Any) -> str:
    """The message of `JOB` with other fields."""
    fields = json.loads(QueuedJob(JOB, "").encode())
    return json.dumps({**fields, **changes})


def job_message(**changes: Any) -> str:
    """A message of a job with other fields, and with the id that such a job would have."""
    job = {**JOB.as_dict(), **changes}
    canonical = json.dumps(job, sort_keys=True, separators=(",", ":"))
    return message(job=job, job_id=hashlib.sha256(canonical.encode()).hexdigest()[:32])


def test_the_messages_below_differ_in_one_field_only() -> None:
    assert QueuedJob.decode(job_message(blob="other.mp4")).job.blob == "other.mp4"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '"text"',
        "{}",
        "null",
        "[" * 2000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        message(schema=NEWEST_SCHEMA + 1),
        message(schema=10**400),
        message(schema=0),
        message(schema=-1),
        message(schema=None),
        message(schema=True),
        message(schema=1.0),
        message(job_id="0" * 32),
        message(job_id=None),
        message(job=None),
        message(job=[]),
        message(job={"a": {"b": [{}]}}),
        message(traceparent=5),
        message(record=[]),
        message(record={"created": "yesterday", "version": "x"}),
        message(record={"created": "2026-11-01T12:00:00", "version": "x"}),
        message(record={"created": "9999-11-01T12:00:00+00:00", "version": "x"}),
        message(record={"created": "2026-11-01T12:00:00+00:00", "version": 'x\r\nIf-None-Match: "y"'}),
        message(record={"created": "2026-11-01T12:00:00+00:00", "version": "x" * 5000}),
        job_message(generation=float("inf")).replace("Infinity", "1e999"),
        job_message(generation=10**30),
        job_message(generation=-1),
        job_message(generation=1.5),
        job_message(generation=True),
        job_message(media="sound"),
        job_message(media=["video"]),
        job_message(media={"video": 1}),
        job_message(blob=""),
        job_message(blob=5),
        job_message(blob="a" * 1025),
        job_message(blob="a\ud800.mp4"),
        job_message(blob="a\x00.mp4"),
        job_message(blob="../a.mp4"),
        job_message(blob="_results/a.mp4"),
        job_message(container="A"),
        job_message(container="a" * 64),
        job_message(container="$logs"),
        job_message(etag=""),
        job_message(etag='"0x8DC"'),
        job_message(etag="0x8DC\r\nX: y"),
        job_message(etag="x" * 40_000),
        job_message(options={}),
        job_message(options=None),
        job_message(options=[["faces", "one"], [1, 2]]),
        job_message(options={**JOB.options.as_dict(), "speed": 2}),
        job_message(options={**JOB.options.as_dict(), "faces": ["one"]}),
        job_message(options={**JOB.options.as_dict(), "multi_view": "yes"}),
        job_message(options={**JOB.options.as_dict(), "gallery": "x" * 40_000}),
        job_message(surprise=1),
    ],
)
def test_text_that_is_no_job_is_a_bad_job(text: str) -> None:
    with pytest.raises(BadJob) as caught:
        QueuedJob.decode(text)
    assert not isinstance(caught.value, NewerJob)
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("schema", [SCHEMA + 1, NEWEST_SCHEMA])
def test_a_newer_schema_is_a_newer_job_whatever_else_the_message_holds(schema: int) -> None:
    with pytest.raises(NewerJob):
        QueuedJob.decode(json.dumps({"schema": schema, "job": [[]], "task": {"a": 1}}))


@pytest.mark.parametrize("traceparent", ["x" * 40_000, "", "00-a-b-01", "00-" + "0" * 32 + "-" + "2" * 16 + "-01"])
def test_an_invalid_traceparent_is_left_out(traceparent: str) -> None:
    assert QueuedJob.decode(message(traceparent=traceparent)) == QueuedJob(JOB, "")


@dataclass(frozen=True)
class LaterOptions(JobOptions):
    """The options of a release to come."""

    every: int = field(default=1, metadata={"schema": 2})


def later(every: int) -> AnalysisJob:
    return dataclasses.replace(JOB, options=LaterOptions(**JOB.options.as_dict(), every=every))


def test_a_later_option_at_its_default_changes_neither_id_nor_message() -> None:
    assert later(1).job_id == JOB.job_id
    assert QueuedJob(later(1), TRACE).encode() == GOLDEN_MESSAGE


def test_a_used_later_option_makes_another_id_and_a_message_of_its_schema() -> None:
    text = QueuedJob(later(3), TRACE).encode()
    assert json.loads(text)["schema"] == 2
    assert json.loads(text)["job"]["options"]["every"] == 3
    assert later(3).job_id != JOB.job_id
    if SCHEMA == 1:
        with pytest.raises(NewerJob):
            QueuedJob.decode(text)


@pytest.mark.parametrize(
    ("blob", "stem"),
    [("a/b/clip.mp4", "clip"), ("a.b.mp4", "a.b"), ("noext", "noext"), (".hidden", ".hidden"), ("a b.JPG", "a b")],
)
def test_stem_is_openfaces(blob: str, stem: str) -> None:
    assert dataclasses.replace(JOB, blob=blob).stem == stem


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable, max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = [
    ("schema",),
    ("job_id",),
    ("traceparent",),
    ("job",),
    ("record",),
    ("record", "created"),
    ("record", "version"),
    *(("job", name) for name in JOB.as_dict()),
    *(("job", "options", name) for name in JOB.options.as_dict()),
    ("job", "options", "other"),
]


def decodes_or_is_bad(text: str) -> None:
    try:
        queued = QueuedJob.decode(text)
    except BadJob:
        return
    assert QueuedJob.decode(queued.encode()) == queued
    assert len(queued.encode()) < 16_384


@given(st.binary(max_size=200))
def test_bytes_are_a_job_or_a_bad_job(content: bytes) -> None:
    decodes_or_is_bad(content.decode("latin-1"))
    decodes_or_is_bad(content.decode("utf-8", "surrogateescape"))


@given(JSON_VALUES)
def test_json_is_a_job_or_a_bad_job(value: Any) -> None:
    decodes_or_is_bad(json.dumps(value))


@given(st.sampled_from(PATHS), JSON_VALUES, st.booleans())
def test_a_mutated_message_is_a_job_or_a_bad_job(path: tuple[str, ...], value: Any, with_right_id: bool) -> None:
    fields = json.loads(GOLDEN_MESSAGE_WITH_RECORD)
    inner = fields
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    if with_right_id:
        canonical = json.dumps(fields["job"], sort_keys=True, separators=(",", ":"))
        fields["job_id"] = hashlib.sha256(canonical.encode()).hexdigest()[:32]
    decodes_or_is_bad(json.dumps(fields))


@given(st.integers(0, len(GOLDEN_MESSAGE)), st.integers(0, len(GOLDEN_MESSAGE)), st.text(max_size=4))
def test_a_cut_message_is_a_job_or_a_bad_job(first: int, last: int, between: str) -> None:
    decodes_or_is_bad(GOLDEN_MESSAGE[:first] + between + GOLDEN_MESSAGE[last:])
