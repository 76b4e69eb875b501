"""A job's JSON: links to what its state allows and its media has, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import g

from service.jobs.job import AnalysisJob
from service.jobs.media_kind import JobMedia
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.web.access.keys import new_key
from service.web.protocol.job_json import job_answer, with_query
from tests.fixtures.open_app import open_app

REPORTS = {"report", "summary", "methods", "citation", "parquet", "archive"}


@pytest.fixture(autouse=True)
def _request() -> Iterator[None]:
    with open_app().test_request_context("/"):
        yield


def queued(media: JobMedia = "image", **options: str) -> JobRecord:
    resolved = JobOptions.resolve(media, "wild", options, galleries=True)
    return JobRecord(AnalysisJob("c", "a b.jpg", "e", media, "wild", resolved), f"00-{'a' * 32}-{'b' * 16}-01", now())


def succeeded(media: JobMedia = "image", **options: str) -> JobRecord:
    return queued(media, **options).claimed("w", "a1", 60, now()).succeeded("a1", now())


def links(record: JobRecord) -> set[str]:
    return set(job_answer(record).links)


def test_an_unfinished_job_can_be_followed_and_cancelled() -> None:
    assert links(queued()) == links(queued().claimed("w", "a1", 60, now())) == {"self", "events", "cancel"}
    assert links(queued().cancelled(now())) == {"self", "events", "rerun"}


@pytest.mark.parametrize(
    ("media", "own"),
    [("image", {"media", "faces"}), ("video", {"media", "proxy", "series", "annotations"}), ("sequence", set())],
)
def test_a_result_has_what_its_media_has(media: JobMedia, own: set[str]) -> None:
    assert links(succeeded(media)) == {"self", "events", "rerun", "results", "csv", "manifest"} | REPORTS | own


def test_what_was_not_asked_for_is_not_linked() -> None:
    assert "overlay" in links(succeeded(overlay="1"))
    assert not {"overlay", "aligned"} & links(succeeded())


def test_a_link_is_a_path_of_the_job() -> None:
    answer = job_answer(succeeded())
    assert answer.links["self"] == f"/jobs/{answer.id}"
    assert answer.links["csv"] == f"/jobs/{answer.id}/result.csv"
    newer = job_answer(replace(queued(), superseded_by="f" * 32))
    assert newer.links["superseded_by"] == f"/jobs/{'f' * 32}"
    assert answer.trace_id == "a" * 32


def test_a_gallery_is_named_to_its_owner_alone() -> None:
    record = queued("video", gallery="anna")
    assert job_answer(record).options.gallery == ""
    g.key = new_key("anna", ["identity"])[1]
    assert job_answer(record).options.gallery == "anna"
    # The record itself still names it.
    assert record.job.options.gallery == "anna"


def test_a_query_is_encoded() -> None:
    assert with_query("/jobs", cursor="a&b", container="c-1") == "/jobs?cursor=a%26b&container=c-1"
