"""Studies are kept apart, read page by page, and leave no word when their last job is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from service.jobs.record import JobRecord, now
from service.jobs.studies import StudyIndex
from tests.conftest import StorageAccount
from tests.fixtures.jobs import job

BEGAN = now()


@pytest.fixture
def studies(account: StorageAccount) -> StudyIndex:
    return account.services.table.studies


def record(number: int, key_name: str = "") -> JobRecord:
    """A job that was submitted later by its number of seconds."""
    return JobRecord(
        replace(job(), blob=f"{number}.jpg"), "", BEGAN + timedelta(seconds=number), state="queued", key_name=key_name
    )


def put(studies: StudyIndex, study: str, *records: JobRecord) -> None:
    for one in records:
        studies.join(one, study)
        studies.enlist(study, one.key_name)


def listed(studies: StudyIndex, study: str, size: int = 9, **more: bool | str) -> list[list[str]]:
    """The ids of a study's jobs, page by page."""
    pages, after = [], ""
    while True:
        members, after = studies.members(study, after, size, **more)  # type: ignore[arg-type]
        pages.append([member.job_id for member in members])
        if not after:
            return pages


def test_studies_are_kept_apart_and_list_their_newest_jobs_first(studies: StudyIndex) -> None:
    first, second, third = (record(number) for number in (1, 2, 3))
    put(studies, "a", first, third)
    put(studies, "a-b", second, third)
    ids = [one.job.job_id for one in (first, second, third)]
    assert listed(studies, "a") == [[ids[2], ids[0]]]
    assert listed(studies, "a-b", 1) == [[ids[2]], [ids[1]], []]
    assert listed(studies, "c") == [[]]
    assert studies.studies_of(ids[2]) == ["a", "a-b"]
    assert (studies.names("", 9), studies.names("a", 9), studies.names("", 1)) == (["a", "a-b"], ["a-b"], ["a"])


def test_a_key_sees_its_own_jobs_and_studies(studies: StudyIndex) -> None:
    mine, other = record(1, "lab"), record(2)
    put(studies, "a", mine, other)
    put(studies, "b", other)
    assert listed(studies, "a", key_name="lab") == [[mine.job.job_id]]
    assert (studies.names("", 9), studies.names("", 9, "lab")) == (["a", "b"], ["a"])
    assert [studies.exists("a", "lab"), studies.exists("b", "lab"), studies.exists("b")] == [True, False, True]
    assert not studies.exists("c")


def test_jobs_are_found_by_their_noted_state_and_by_none(studies: StudyIndex) -> None:
    done, failed, unsure = record(1), record(2), record(3)
    put(studies, "a", done, failed, unsure)
    for member, state in zip(reversed(studies.members("a", "", 9)[0]), ("succeeded", "failed"), strict=False):
        studies.note("a", member, state)
    assert listed(studies, "a", state="succeeded") == [[unsure.job.job_id, done.job.job_id]]
    assert [member.state for member in studies.members("a", "", 9)[0]] == ["", "failed", "succeeded"]


def test_a_replaced_job_is_shown_where_it_is_asked_for(studies: StudyIndex) -> None:
    before, after = record(1), record(2)
    put(studies, "a", before, after)
    studies.replace(before.job.job_id)
    assert listed(studies, "a") == [[after.job.job_id]]
    assert listed(studies, "a", with_replaced=True) == [[after.job.job_id, before.job.job_id]]
    [newer, older] = studies.members("a", "", 9, with_replaced=True)[0]
    assert (newer.replaced, older.replaced) == (False, True)


def test_a_study_ends_with_its_last_job_and_its_mark_changes_with_each_that_goes(studies: StudyIndex) -> None:
    first, second = record(1, "lab"), record(2)
    put(studies, "a", first, second)
    put(studies, "b", second)
    marks = {studies.mark("a")}
    assert studies.forget(first.job.job_id) == ["a"]
    marks.add(studies.mark("a"))
    assert len(marks) == 2
    assert (listed(studies, "a"), studies.studies_of(first.job.job_id)) == ([[second.job.job_id]], [])
    assert studies.forget(second.job.job_id) == ["a", "b"]
    assert (studies.names("", 9), studies.names("", 9, "lab"), studies.mark("a")) == ([], [], "")
    assert studies.forget(second.job.job_id) == []


def test_a_note_on_a_job_that_is_gone_brings_it_not_back(studies: StudyIndex) -> None:
    one = record(1)
    put(studies, "a", one)
    [member] = studies.members("a", "", 9)[0]
    studies.note_poster("a", member, "a1")
    assert [kept.poster for kept in studies.members("a", "", 9)[0]] == ["a1"]
    studies.forget(one.job.job_id)
    studies.note("a", member, "succeeded")
    studies.note_poster("a", member, "a1")
    assert listed(studies, "a", with_replaced=True) == [[]]
