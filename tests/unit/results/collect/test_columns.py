"""Columns of the collected table: what a manifest gives, and which groups are chosen."""

from __future__ import annotations

import pytest

from service.results.collect.columns import EXCLUDED, FILE, GROUPS, JOB, MATCHED, ROW, Layout, job_values

JOB_FACTS = {"id": "1", "container": "c", "blob": "a.jpg", "media": "image", "media_type": "wild", "generation": 0}
MANIFEST = {
    "job": JOB_FACTS,
    "media": {"sha256": "aa", "probe": {"width": 640, "height": 480, "frame_rate": None}},
    "engine": None,
    "frames": None,
    "faces": 2,
    "completeness": {"verdict": "partial", "reason": "cut"},
}


def test_a_manifest_gives_every_column_of_the_job() -> None:
    found = job_values(MANIFEST)
    assert list(found) == list(JOB)
    assert (found["job_id"], found["width"], found["completeness_reason"], found["faces"]) == ("1", 640, "cut", 2)
    # What is not stated is null, and never 0 or a text.
    assert (found["engine"], found["frames_expected"], found["duration_s"]) == (None, None, None)


@pytest.mark.parametrize("part", ["job", "media", "completeness"])
def test_a_manifest_of_another_form_is_an_error(part: str) -> None:
    with pytest.raises((KeyError, TypeError)):
        job_values(MANIFEST | {part: None})


def test_groups_choose_measured_columns_and_no_others() -> None:
    units = Layout.of(["action-units"])
    assert units.schema.names[: len(JOB) + len(ROW)] == [*JOB, *ROW]
    assert units.schema.names[-len(MATCHED) - 2 :] == [*MATCHED, EXCLUDED, FILE]
    measured = units.schema.names[len(JOB) + len(ROW) : -len(MATCHED) - 2]
    # 17 intensities and 18 presences: AU28 has no intensity.
    assert (len(measured), measured[0], measured[-1]) == (35, "AU01_r", "AU45_c")
    assert len(Layout.of([]).schema.names) == len(JOB) + len(ROW) + len(MATCHED) + 2
    assert Layout.of() == Layout.of(GROUPS)
