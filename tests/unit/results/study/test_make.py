"""What becomes of a study's jobs is counted and named; the making itself is in `integration/web/test_studies`."""

from __future__ import annotations

from collections import Counter

from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.jobs.record import JobRecord, now
from service.results.collect.sources import Problem, SkippedResult
from service.results.study.make import NAMED_FILES, _skip, _Tally


def skipped(tally: _Tally, blob: str, problem: Problem, why: str) -> None:
    job = AnalysisJob("c", blob, "e", "image", "wild", JobOptions.resolve("image", "wild", {}))
    _skip(tally, JobRecord(job, "", now()), SkippedResult(f"c/{blob}", problem, why))


def test_failures_are_counted_by_kind_the_most_frequent_first() -> None:
    tally = _Tally(Counter({"failed": 3}), {}, [])
    for blob, why in (("a.jpg", "engine_crashed"), ("b.jpg", "unreadable_media"), ("c.jpg", "unreadable_media")):
        skipped(tally, blob, "failed", why)
    facts = tally.facts()
    assert facts["failures"] == [
        {"code": "unreadable_media", "count": 2, "files": ["b.jpg", "c.jpg"]},
        {"code": "engine_crashed", "count": 1, "files": ["a.jpg"]},
    ]
    assert (facts["states"], facts["results"]) == ({"failed": 3}, 0)


def test_of_many_failures_all_are_counted_and_some_named() -> None:
    tally = _Tally(Counter(), {}, [])
    for number in range(NAMED_FILES + 5):
        skipped(tally, f"{number}.jpg", "failed", "no_output")
    [kind] = tally.facts()["failures"]
    assert (kind["count"], len(kind["files"])) == (NAMED_FILES + 5, NAMED_FILES)


def test_an_unreadable_result_is_named_and_an_unfinished_job_is_no_failure() -> None:
    tally = _Tally(Counter(), {}, [])
    skipped(tally, "a.jpg", "unreadable", "the table differs")
    skipped(tally, "b.jpg", "not finished", "running")
    assert (tally.facts()["unreadable"], tally.facts()["failures"]) == (["a.jpg: the table differs"], [])
