"""Cautions: each where it applies, and none where all is well."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.fixtures.summaries_made import codes, summarised


@pytest.mark.parametrize(
    ("rows", "manifest", "code"),
    [
        ([{"AU01_r": 0.0, "AU01_c": 1.0}] * 20, {}, "presence_disagrees"),
        ([{"AU01_r": 2.0, "success": 0}] * 20, {}, "nothing_counts"),
        ([{"box_height": 40.0}] * 20, {}, "small_faces"),
        ([{"pose_Rz": 1.5}] * 20, {}, "lying"),
        ([{"pose_Ry": -0.7}] * 20, {}, "turned_away"),
        ([{"confidence": 0.5}] * 20, {}, "low_confidence"),
        ([{}] * 20, {}, "short"),
        ([{"face_id": 0}, {"face_id": 1}] * 20, {}, "slots"),
        ([{}] * 20, {"media": {"preparation": ["rotated 90° upright"]}}, "prepared"),
        ([{}] * 20, {"media": {"preparation": ["resampled from variable to 30 fps"]}}, "variable_frame_rate"),
        ([{}] * 20, {"media": {"probe": {"frame_rate": 10.0}}}, "few_frames"),
        ([{}] * 20, {"csv": {"sha256": "00"}}, "table_changed"),
        ([{}] * 20, {"completeness": {"verdict": "partial", "reason": "cut"}}, "partial"),
        ([{}] * 20, {"engine": {"name": "OpenFace", "licence_class": "research-only"}}, "research_only"),
        ([{}] * 3100, {}, "long_clip"),
        (
            [{"face": 0, "box_height": 200.0}],
            {"job": {"media": "image", "options": {"multi_view": True}}},
            "confidence_of_another_view",
        ),
    ],
)
def test_cautions_appear_where_they_apply(rows: list[dict[str, float]], manifest: dict[str, Any], code: str) -> None:
    summary, _ = summarised(rows, **manifest)
    assert code in codes(summary)
    # Whole, upright, well seen for long enough, calm: none of these.
    calm, _ = summarised([{"AU01_r": 0.2, "AU01_c": 0.0, "box_height": 200.0, "pose_Ry": 0.1, "pose_Rz": 0.0}] * 300)
    assert code not in codes(calm)


def test_a_caution_names_its_faces_and_counts_its_rows() -> None:
    picture = {"job": {"media": "image"}}
    rows = [
        {"face": float(face), "box_left": 0.0, "box_top": 0.0, "box_width": 99.0, "box_height": side}
        for face, side in enumerate((59.9, 60.0, 20.0))
    ]
    text = {caution.code: caution.text for caution in summarised(rows, **picture)[0].cautions}
    assert text["small_faces"] == "Faces 0 and 2 are under 60 px high: measured less well."
    failed = [{"success": 0}] * 1500 + [{"confidence": 0.5}] * 2
    text = {caution.code: caution.text for caution in summarised(failed)[0].cautions}
    assert text["failed_rows"].startswith("1,500 of 1,502 rows have success 0.")
    assert text["low_confidence"].startswith("2 rows are called tracked")


@pytest.mark.parametrize(("roll_deg", "is_lying"), [(45.0, False), (45.1, True), (-45.1, True), (180.0, True)])
def test_a_face_lies_beyond_45_degrees_to_either_side(roll_deg: float, is_lying: bool) -> None:
    summary, _ = summarised([{"pose_Rz": math.radians(roll_deg)}] * 5)
    assert ("lying" in codes(summary)) is is_lying


def test_contradictions_are_told_from_more_than_one_frame_in_twenty() -> None:
    odd, calm = {"AU01_r": 0.0, "AU01_c": 1.0}, {"AU01_r": 0.0, "AU01_c": 0.0}
    assert "presence_disagrees" not in codes(summarised([odd] + [calm] * 19)[0])
    assert "presence_disagrees" in codes(summarised([odd] + [calm] * 18)[0])


def test_a_measured_table_without_rows_names_no_unmeasured_units() -> None:
    assert not {"not_measured", "weak_action_units", "nothing_counts"} & codes(summarised([])[0])


def test_a_long_static_or_foreign_result_needs_no_word_about_dynamic_models() -> None:
    rows = [{}] * 3001
    assert "long_clip" in codes(summarised(rows)[0])
    assert "long_clip" not in codes(summarised(rows[1:])[0])
    assert "long_clip" not in codes(summarised(rows, job={"media": "video", "options": {"au": "static"}})[0])
    assert "long_clip" not in codes(summarised(rows, engine={"name": "other"})[0])


def test_people_that_keep_their_number_are_told_apart_from_slots() -> None:
    rows = [{"face_id": face} for face in (0.0, 1.0)]
    [slots] = [caution for caution in summarised(rows)[0].cautions if caution.code == "slots"]
    [kept] = [caution for caution in summarised(rows, face_ids={"kept": 1})[0].cautions if caution.code == "slots"]
    assert slots.text.startswith("A face_id is a slot of the tracker")
    assert kept.text.startswith("A recognised person keeps a face_id")
