"""Uploads without a job: media between two times that no job knows and that is no member of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from service.errors import MediaNotFound, UnsupportedMedia
from service.jobs.backend import JobBackend
from service.jobs.job import AnalysisJob
from service.jobs.record import JobRecord, now
from service.jobs.sweep.finding import Found
from service.jobs.sweep.missed_uploads import OVERLAP, without_job
from service.settings import Settings
from service.storage.blob_store import BlobInfo, BlobPage

BEFORE = now() - timedelta(minutes=10)
WATERMARK = BEFORE - timedelta(hours=5)
MOMENT = timedelta(seconds=1)
EARLIEST = WATERMARK - OVERLAP


@dataclass
class Backend:
    """Stand-in of the stores of one container; `known` are the blobs and ETags of its jobs."""

    uploads: list[BlobInfo] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    asked_since: list[datetime] = field(default_factory=list)
    submitted: list[tuple[Any, ...]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    state: Any = "queued"
    version: str = "1"
    settings: Settings = field(default_factory=lambda: Settings.load({"RESULTS_CONTAINER": "results"}))

    @property
    def blobs(self) -> Any:
        return self

    table = submitter = blobs

    def page(self, container: str, cursor: str, prefix: str) -> BlobPage:
        return BlobPage(self.uploads, "")

    def info(self, container: str, name: str) -> BlobInfo:
        if name in self.gone:
            raise MediaNotFound(name)
        return next(blob for blob in self.uploads if blob.name == name)

    def versions(self, container: str, since: datetime) -> Iterator[tuple[str, str]]:
        self.asked_since.append(since)
        yield from self.known

    def submit(self, job: AnalysisJob, traceparent: str, key_name: str, study: str) -> JobRecord:
        self.submitted.append((job.blob, job.etag, job.media, job.media_type, key_name, study))
        return JobRecord(job, traceparent, now(), state=self.state, version=self.version)

    def index(self, record: JobRecord) -> None:
        self.listed.append(record.job.blob)

    def put(self, name: str, written: datetime | None = WATERMARK, **metadata: str) -> None:
        self.uploads.append(BlobInfo(name, "e", 1, last_modified=written, metadata=metadata))

    def found(self) -> list[Found]:
        return list(without_job(cast(JobBackend, self), "box", WATERMARK, BEFORE))

    @property
    def names(self) -> list[str]:
        return [found.finding.blob for found in self.found()]


@pytest.fixture
def backend() -> Backend:
    return Backend()


def test_media_between_the_two_times_is_found_and_what_is_passed_over_hides_none(backend: Backend) -> None:
    backend.put("early.jpg", EARLIEST - MOMENT)
    backend.put("first.jpg", EARLIEST)
    backend.put("late.jpg", BEFORE + MOMENT)
    backend.put("notes.txt")
    backend.put("unknown.jpg", None)
    backend.put("last.mp4", BEFORE)
    assert backend.names == ["first.jpg", "last.mp4"]
    # Jobs are asked for once, and from before their uploads.
    assert backend.asked_since == [EARLIEST - OVERLAP]


def test_an_upload_with_a_job_of_this_version_is_not_found(backend: Backend) -> None:
    for name in ("done.jpg", "overwritten.jpg", "new.jpg"):
        backend.put(name)
    backend.known = [("done.jpg", "e"), ("overwritten.jpg", "before"), ("other.jpg", "e")]
    assert backend.names == ["overwritten.jpg", "new.jpg"]


def test_jobs_are_not_asked_for_where_no_media_was_written(backend: Backend) -> None:
    backend.put("notes.txt")
    assert backend.names == []
    assert backend.asked_since == []


def test_a_member_of_a_sequence_and_a_deleted_upload_are_no_findings(backend: Backend) -> None:
    backend.put("member.jpg", media="sequence")
    backend.put("gone.jpg")
    backend.gone = ["gone.jpg"]
    assert backend.names == []


def test_a_finding_is_submitted_as_its_metadata_says(backend: Backend) -> None:
    backend.put("a.jpg", uploaded_by="lab", study="trial", media_type="wild")
    [found] = backend.found()
    assert found.finding.since == WATERMARK
    assert str(found.mend()).startswith("submitted as job ")
    assert backend.submitted == [("a.jpg", "e", "image", "wild", "lab", "trial")]
    assert backend.listed == []


@pytest.mark.parametrize(
    ("version", "says", "listed"), [("1", "listed again", ["a.jpg"]), ("", "has succeeded before", [])]
)
def test_a_job_that_is_known_after_all_is_put_into_its_lists(
    backend: Backend, version: str, says: str, listed: list[str]
) -> None:
    backend.put("a.jpg")
    backend.state, backend.version = "succeeded", version
    [found] = backend.found()
    assert says in str(found.mend())
    assert backend.listed == listed


def test_what_was_overwritten_by_no_media_is_not_submitted(backend: Backend) -> None:
    backend.put("a", content_type="")
    backend.uploads = [replace(backend.uploads[0], content_type="image/png")]
    [found] = backend.found()
    backend.uploads = [replace(backend.uploads[0], content_type="text/plain")]
    with pytest.raises(UnsupportedMedia):
        found.mend()
