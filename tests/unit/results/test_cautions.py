"""Cautions: each where it applies, and none where all is well."""

from __future__ import annotations

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
