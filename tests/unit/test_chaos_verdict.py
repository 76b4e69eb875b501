"""The verdict itself: it passes what is right, and finds each thing that can be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.campaigns.chaos.evidence import Csv, Evidence, Job
from tests.campaigns.chaos.ledger import Ledger, Version
from tests.campaigns.chaos.load import Medium
from tests.campaigns.chaos.verdict import Case, Guarantee, judge

GOOD = Medium("face.jpg", "image", b"", 1, "good")
BAD = Medium("notes.jpg", "image", b"", None, "bad")
IDS = {"live": "1" * 32, "old": "2" * 32, "new": "3" * 32, "bad": "4" * 32, "gone": "5" * 32}


@dataclass
class Trial:
    """A case and its evidence: one upload that is there, one overwritten, one that cannot be read, one deleted."""

    case: Case
    found: Evidence

    def change_job(self, name: str, **fields: Any) -> None:
        jobs = [replace(job, **fields) if job.id == IDS[name] else job for job in self.found.jobs]
        self.found = replace(self.found, jobs=jobs)

    def change_csv(self, **fields: Any) -> None:
        first, *others = self.found.csvs
        self.found = replace(self.found, csvs=[replace(first, **fields), *others])

    def change_case(self, **fields: Any) -> None:
        self.case = replace(self.case, **fields)

    def change(self, **fields: Any) -> None:
        self.found = replace(self.found, **fields)


@pytest.fixture
def trial() -> Trial:
    ledger = Ledger()
    for blob, etag, medium in [("live", "a", GOOD), ("over", "b", GOOD), ("over", "c", GOOD), ("bad", "d", BAD)]:
        ledger.note(Version("box", blob, etag, medium))
    ledger.note(Version("box", "gone", "e", GOOD))
    ledger.deleted.add(("box", "gone"))
    jobs = [
        _job("live", "live", "a", "succeeded"),
        replace(_job("old", "over", "b", "superseded"), error_code="media_changed", superseded_by=IDS["new"]),
        _job("new", "over", "c", "succeeded"),
        replace(_job("bad", "bad", "d", "failed"), error_code="unreadable_media"),
        replace(_job("gone", "gone", "e", "failed"), error_code="media_not_found"),
    ]
    csvs = [_csv("live"), _csv("new")]
    found = Evidence(
        uploads={("box", "live"): "a", ("box", "over"): "c", ("box", "bad"): "d"},
        jobs=jobs,
        csvs=csvs,
        listed=[(job.id, f"is-{job.state}") for job in jobs],
        poisoned=[IDS["bad"], IDS["gone"]],
        messages=0,
        files=[],
        processes={},
        errors_logged=[],
        struck=Counter(),
    )
    return Trial(Case(ledger, {csv.name: csv.etag for csv in csvs}, {}), found)


def _job(name: str, blob: str, etag: str, state: str) -> Job:
    published = "attempt" if state == "succeeded" else ""
    return Job(IDS[name], "box", blob, etag, state, "", None, 1, published, "", "", "")


def _csv(name: str) -> Csv:
    manifest = {"csv": {"sha256": "s", "rows": 1}, "completeness": {"verdict": "complete"}}
    return Csv(f"box/{name}/{IDS[name]}/face.csv", IDS[name], "etag", "attempt", "s", "s", 1, False, manifest)


def test_a_run_without_faults_passes(trial: Trial) -> None:
    assert judge(trial.case, trial.found) == []


def test_an_upload_that_was_gone_before_anyone_heard_of_it_needs_no_job(trial: Trial) -> None:
    gone = IDS["gone"]
    listed = [row for row in trial.found.listed if row[0] != gone]
    trial.change(jobs=[job for job in trial.found.jobs if job.id != gone], poisoned=[IDS["bad"]], listed=listed)
    assert judge(trial.case, trial.found) == []


Wrong = Callable[[Trial], object]

WRONGS: dict[str, tuple[Guarantee, Wrong]] = {
    "no job": ("lost", lambda t: t.change(jobs=t.found.jobs[1:], csvs=t.found.csvs[1:])),
    "upload gone": ("lost", lambda t: t.change(uploads={})),
    "never ended": ("lost", lambda t: t.change_job("live", state="running")),
    "no result": ("lost", lambda t: t.change(csvs=t.found.csvs[1:])),
    "two jobs": ("doubled", lambda t: t.change(jobs=[*t.found.jobs, replace(t.found.jobs[0], id="9" * 32)])),
    "two results": ("doubled", lambda t: t.change(csvs=[*t.found.csvs, replace(_csv("live"), name="other.csv")])),
    "a stranger's result": ("doubled", lambda t: t.change(csvs=[*t.found.csvs, replace(_csv("live"), job_id="9")])),
    "changed since": ("doubled", lambda t: t.change_csv(etag="another")),
    "set aside twice": ("doubled", lambda t: t.change(poisoned=[*t.found.poisoned, IDS["bad"]])),
    "other content": ("partial", lambda t: t.change_csv(sha256="other")),
    "too few rows": ("partial", lambda t: t.change_csv(rows=0)),
    "torn": ("partial", lambda t: t.change_csv(is_torn=True)),
    "no manifest": ("partial", lambda t: t.change_csv(manifest={})),
    "another attempt": ("partial", lambda t: t.change_job("live", attempt_published="other")),
    "result of a failure": (
        "partial",
        lambda t: t.change(csvs=[*t.found.csvs, replace(_csv("live"), job_id=IDS["bad"])]),
    ),
    "failed for nothing": ("unexplained", lambda t: t.change_job("live", state="failed", error_code="engine_crashed")),
    "failed otherwise": ("unexplained", lambda t: t.change_job("bad", error_code="internal_error")),
    "live superseded": ("unexplained", lambda t: t.change_job("new", state="superseded", error_code="media_changed")),
    "superseded by nobody": ("unexplained", lambda t: t.change_job("old", superseded_by="")),
    "result of nonsense": ("unexplained", lambda t: t.change_job("bad", state="succeeded")),
    "not set aside": ("unexplained", lambda t: t.change(poisoned=t.found.poisoned[1:])),
    "set aside for nothing": ("unexplained", lambda t: t.change(poisoned=[*t.found.poisoned, IDS["live"]])),
    "a job of nothing": ("unexplained", lambda t: t.change_job("live", etag="other")),
    "not listed": ("lost", lambda t: t.change(listed=t.found.listed[1:])),
    "still listed as open": ("left over", lambda t: t.change(listed=[*t.found.listed, (IDS["live"], "is-open")])),
    "message that is no job lost": (
        "lost",
        lambda t: t.change_case(hostile=frozenset("["), hostile_sent=frozenset("[")),
    ),
    "message": ("left over", lambda t: t.change(messages=1)),
    "owner": ("left over", lambda t: t.change_job("live", owner="worker")),
    "lease": ("left over", lambda t: t.change_job("live", lease_until=datetime.now(UTC) + timedelta(minutes=1))),
    "file": ("left over", lambda t: t.change(files=["workspace-0/worker-1/item-1/fetched"])),
    "process": ("left over", lambda t: t.change(processes={7: "FeatureExtraction"})),
    "error in a log": ("part", lambda t: t.change(errors_logged=["worker-0.log: {}"])),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_is_wrong_is_found(trial: Trial, wrong: str) -> None:
    guarantee, make = WRONGS[wrong]
    make(trial)
    assert guarantee in {broken.guarantee for broken in judge(trial.case, trial.found)}


def test_a_poison_message_may_be_there_twice_where_its_answer_was_lost(trial: Trial) -> None:
    trial.change(poisoned=[*trial.found.poisoned, IDS["bad"]])
    assert judge(replace(trial.case, lost_poison_answers=1), trial.found) == []


def test_a_csv_that_moved_while_the_run_went_on_is_told(trial: Trial) -> None:
    case = replace(trial.case, moved={"box/live": "went after it had appeared"})
    assert [broken.guarantee for broken in judge(case, trial.found)] == ["doubled"]
