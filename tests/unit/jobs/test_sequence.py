"""A folder of pictures as one media item: its ETag, its order, its list."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from service.errors import BadJob, MediaNotFound, NotFound, UnreadableMedia
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.names import OWN_CONTAINER
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.jobs.sequence import Member, etag_of, freeze, frozen, frozen_job, in_order, is_member_only, members_of
from service.storage.folder import FolderBlobs

MEMBERS = [Member("b.png", "2"), Member("a.jpg", "1")]
OPTIONS = JobOptions.resolve("sequence", "wild", {})


def job(members: list[Member]) -> AnalysisJob:
    return AnalysisJob("abc", "study/p01.v2", etag_of(members), "sequence", "wild", OPTIONS)


def test_the_etag_is_the_documented_hash() -> None:
    assert etag_of(MEMBERS) == hashlib.sha256(b"a.jpg\x001\nb.png\x002\n").hexdigest()


@pytest.mark.parametrize(
    "changed", [[Member("a.jpg", "1")], [Member("b.png", "3"), Member("a.jpg", "1")], [*MEMBERS, Member("c.jpg", "1")]]
)
def test_another_member_makes_another_item(changed: list[Member]) -> None:
    assert etag_of(changed) != etag_of(MEMBERS)
    assert etag_of(list(reversed(MEMBERS))) == etag_of(MEMBERS)


def test_the_id_of_a_sequence_stays() -> None:
    assert job(MEMBERS).job_id == "99ab62977d794944784f57c73d27f337"
    assert job(MEMBERS).stem == "p01.v2"
    assert job(MEMBERS).kind == "video"


def test_its_message_is_refused_by_workers_that_do_not_know_it() -> None:
    text = QueuedJob(job(MEMBERS), "").encode()
    assert json.loads(text)["schema"] == 2
    assert QueuedJob.decode(text).job == job(MEMBERS)
    with pytest.raises(BadJob, match="later one"):
        QueuedJob.decode(text.replace('"schema": 2', '"schema": 1'))


def test_frames_are_in_the_order_of_their_numbers() -> None:
    names = ["img10.jpg", "img2.jpg", "a.jpg", "img2b.jpg", "7.jpg"]
    ordered = [member.name for member in in_order([Member(name, "e") for name in names])]
    assert ordered == ["7.jpg", "a.jpg", "img2.jpg", "img2b.jpg", "img10.jpg"]


def test_the_list_is_frozen_with_the_submission(tmp_path: Path) -> None:
    for name in ("p/1.jpg", "p/2.heic", "p/notes.txt", "p/deep/3.jpg", "p/._4.jpg", "p2/5.jpg"):
        path = tmp_path / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    blobs = FolderBlobs(tmp_path)
    made = frozen_job(blobs, "results", "study", "p", "wild", OPTIONS)
    place = ResultPlace.of(made, "results")
    members = frozen(blobs, place, made)
    assert [member.name for member in members] == ["1.jpg", "2.heic"]
    (tmp_path / "study" / "p" / "0.jpg").write_bytes(b"later")
    assert frozen(blobs, place, made) == members
    assert frozen_job(blobs, "results", "study", "p", "wild", OPTIONS).job_id != made.job_id


def test_a_list_that_is_not_the_jobs_own_is_refused(tmp_path: Path) -> None:
    blobs, place = FolderBlobs(tmp_path), ResultPlace("results", "x/", "p")
    with pytest.raises(MediaNotFound, match="list"):
        frozen(blobs, place, job(MEMBERS))
    freeze(blobs, place, MEMBERS[:1])
    with pytest.raises(UnreadableMedia, match="does not belong"):
        frozen(blobs, place, job(MEMBERS))


def test_a_prefix_without_pictures_is_no_sequence(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    with pytest.raises(NotFound):
        members_of(FolderBlobs(tmp_path), ".", "p", OWN_CONTAINER)


def test_members_are_marked_by_metadata() -> None:
    assert is_member_only({"Media": "Sequence"})
    assert not is_member_only({"media_type": "wild"})
