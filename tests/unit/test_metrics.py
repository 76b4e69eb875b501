"""Metrics: each under its own name and its former one; what is counted, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import metrics


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    metrics._numbers.cache_clear()
    yield
    metrics._numbers.cache_clear()


def found() -> dict[tuple[str, str], float]:
    """Samples by name and labels."""
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_a_metric_is_exported_under_its_former_name_as_well() -> None:
    metrics.engine_restarted()
    numbers = found()
    assert (numbers["faceline_engine_restarts_total", ""], numbers["media_engine_restarts_total", ""]) == (1, 1)


def test_jobs_are_counted_from_zero_by_their_endings_alone() -> None:
    metrics.expect_jobs()
    assert found()["faceline_jobs_total", "code=,state=succeeded"] == 0
    metrics.job_ended("failed", "engine_crashed")
    metrics.job_ended("running")
    numbers = found()
    assert numbers["faceline_jobs_total", "code=engine_crashed,state=failed"] == 1
    assert not [labels for name, labels in numbers if name == "faceline_jobs_total" and "running" in labels]


def test_the_wait_of_a_first_attempt_is_the_queues_stage() -> None:
    metrics.attempt_began(2.0)
    metrics.attempt_began(-1.0)
    metrics.attempt_began(None)
    numbers = found()
    assert numbers["faceline_attempts_total", ""] == 3
    # A clock that is behind waits 0 s, not less.
    assert numbers["faceline_stage_seconds_count", "stage=queue"] == 2
    assert numbers["faceline_stage_seconds_sum", "stage=queue"] == 2.0


def test_a_picture_has_faces_and_no_frames() -> None:
    metrics.table_measured(2, None, None, 1.0)
    metrics.table_measured(1, 100, 90, 4.0)
    metrics.table_measured(0, 100, None, 0.0)
    numbers = found()
    assert numbers["faceline_faces_total", ""] == 3
    assert (numbers["faceline_frames_per_second_count", ""], numbers["faceline_frames_per_second_sum", ""]) == (1, 25)
    assert numbers["faceline_success_share_sum", ""] == 0.9


def test_every_metric_has_a_meaning_under_the_name_that_is_scraped() -> None:
    metrics.expect_jobs()
    names = {name for name, _ in found() if name.startswith("faceline_")}
    for name, meaning in metrics.meanings().items():
        assert meaning.endswith(".")
        if name == "faceline_jobs_total":
            assert name in names
