"""The pictures of a sequence are fetched as they were when it was submitted, in the order of their numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.errors import MediaChanged, MediaNotFound, MediaTooLarge
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import frozen_job, sha256_of_sequence
from service.results.manifest import MediaFacts
from service.storage.folder import FolderBlobs
from service.worker.sequence_fetch import fetch_sequence

CONTENT = {"10.jpg": b"ten", "2.jpg": b"two", "a.png": b"letter"}


@dataclass
class Bench:
    """A folder of pictures whose list is frozen."""

    folder: Path
    shares: list[float] = field(default_factory=list)
    job: AnalysisJob = field(init=False)

    def __post_init__(self) -> None:
        self.blobs = FolderBlobs(self.folder)
        for name, content in CONTENT.items():
            self.blobs.upload("box", f"p/{name}", content, content_type="")
        options = JobOptions.resolve("sequence", "wild", {})
        self.job = frozen_job(self.blobs, "results", "box", "p", "wild", options)
        self.place = ResultPlace.of(self.job, "results")

    def fetch(self, most_bytes: int = 99) -> MediaFacts:
        into = self.folder / "fetched"
        return fetch_sequence(self.blobs, self.blobs, self.place, self.job, into, most_bytes, self.shares.append)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_members_are_numbered_in_their_order_with_the_facts_of_all(bench: Bench) -> None:
    facts = bench.fetch()
    fetched = {path.name: path.read_bytes() for path in (bench.folder / "fetched").iterdir()}
    assert fetched == {"000001": b"two", "000002": b"ten", "000003": b"letter"}
    hashes = [(name, hashlib.sha256(content).hexdigest()) for name, content in CONTENT.items()]
    assert (facts.bytes, facts.etag, facts.sha256) == (12, bench.job.etag, sha256_of_sequence(hashes))
    assert facts.files == ("2.jpg", "10.jpg", "a.png")
    assert bench.shares == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    "happens",
    [lambda picture: picture.unlink(), lambda picture: picture.write_bytes(b"new")],
    ids=["deleted", "overwritten"],
)
def test_a_member_that_is_not_as_it_was_is_a_change(bench: Bench, happens: Callable[[Path], object]) -> None:
    happens(bench.folder / "box" / "p" / "10.jpg")
    with pytest.raises(MediaChanged, match=r"10\.jpg"):
        bench.fetch()


def test_a_list_that_was_deleted_is_no_change(bench: Bench) -> None:
    for path in (bench.folder / "results").rglob("*.json"):
        path.unlink()
    with pytest.raises(MediaNotFound, match="list"):
        bench.fetch()


def test_pictures_are_limited_together(bench: Bench) -> None:
    with pytest.raises(MediaTooLarge):
        bench.fetch(most_bytes=11)
    assert len(list((bench.folder / "fetched").iterdir())) == 3
    Bench(bench.folder / "other").fetch(most_bytes=12)
