"""The charts of a video: which faces, which lanes, and where rows do not count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.results.frame_times import LASTS
from service.results.report.timeline import Timeline, _stretches
from tests.fixtures.summaries_made import summarised, table_of

Rows = list[dict[str, float]]


def timeline(rows: Rows, **manifest: object) -> Timeline:
    summary, facts = summarised(rows, **manifest)
    return Timeline(summary, table_of(rows), facts)


def test_the_axis_ends_with_the_last_frame_or_the_media() -> None:
    rows: Rows = [{}] * 50
    assert timeline(rows, media={"probe": {"frame_rate": 25.0}}).axis.duration_s == pytest.approx(2.0)
    assert timeline(rows, media={"probe": {"frame_rate": 25.0, "duration_s": 8.0}}).axis.duration_s == 8.0
    assert timeline([], media={}).axis.duration_s > 0


def test_only_a_long_clip_can_be_zoomed() -> None:
    assert timeline([{}] * 25, media={}).zooms == (1,)
    assert timeline([{}] * 25, media={"probe": {"duration_s": 20.1}}).zooms == (1, 4, 16)


def test_the_faces_with_most_rows_are_drawn_and_the_others_counted() -> None:
    rows: Rows = [{"face_id": face, "frame": frame} for face in range(6) for frame in range(1, 4 + face)]
    made = timeline(rows)
    assert ([track.face_id for track in made.tracks], made.left_out) == ([2, 3, 4, 5], 2)


def test_what_was_not_measured_has_no_lane() -> None:
    groups = {
        heading: [lane.heading for lane in lanes] for heading, _, lanes in timeline([{"AU12_r": 1.0}] * 5).groups()
    }
    assert groups["Action units"] == ["AU12 lip corner puller"]
    assert set(groups) == {"Quality", "Action units"}
    posed = timeline([{"pose_Ry": 0.1, "gaze_angle_x": 0.2}] * 5).groups()
    assert [lane.heading for _, _, lanes in posed for lane in lanes] == ["Confidence", "Yaw, °", "Across, °"]


def test_rows_that_do_not_count_are_bands_from_begin_to_end() -> None:
    # A second at 25 frames: the first five, and five in the middle.
    rows: Rows = [{"success": 0} if i < 5 or 10 <= i < 15 else {} for i in range(25)]
    bands = timeline(rows, media={"probe": {"frame_rate": 25.0}})._not_counting()
    assert bands == [(0.0, pytest.approx(0.2)), (pytest.approx(0.4), pytest.approx(0.6))]
    assert timeline([{"success": 0}] * 25, media={"probe": {"frame_rate": 25.0}})._not_counting() == [(0.0, 1.0)]


def test_frames_in_a_row_are_one_stretch() -> None:
    rows = pd.DataFrame({"timestamp": [0, 0.04, 0.2, 0.24], LASTS: [0.04] * 4})
    found = _stretches(rows["timestamp"].to_numpy(), rows[LASTS].to_numpy())
    assert found == [(0, pytest.approx(0.08)), (0.2, pytest.approx(0.28))]
    assert _stretches(np.empty(0), np.empty(0)) == []
