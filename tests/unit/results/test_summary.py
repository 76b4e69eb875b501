"""Statistics of a result: of the rows that pass the gate, and null where nothing was measured."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from service.results.manifest_reader import ManifestReader
from service.results.methods import methods
from service.results.quality_gate import gate
from service.results.summary import spread, summarise, support
from service.results.summary_model import Blinks
from tests.fixtures.summaries_made import SHA, summarised, table_of


def test_statistics_are_of_the_rows_that_count() -> None:
    rows = [{"AU12_r": 2.0}] * 4 + [{"AU12_r": 5.0, "success": 0}, {"AU12_r": 5.0, "confidence": 0.74}]
    summary, _ = summarised(rows)
    intensity = summary.tracks[0].action_units["AU12"].intensity
    assert intensity
    assert (intensity.spread.n, intensity.spread.mean, intensity.spread.max) == (4, 2.0, 2.0)
    assert (summary.rows.without_success, summary.rows.low_confidence) == (1, 1)
    # A gate of one's own is told in the summary.
    other = summarise(table_of(rows), SHA, {"job": {"media": "video"}}, gate(0.6))
    assert (other.gate.confidence, other.rows.used) == (0.6, 5)


def test_what_was_not_measured_is_null() -> None:
    summary, _ = summarised([{"AU12_r": 2.0}] * 4)
    units = summary.tracks[0].action_units
    assert (units["AU04"].intensity, units["AU04"].presence) == (None, None)
    assert (units["AU28"].intensity, units["AU12"].presence) == (None, None)
    assert summary.tracks[0].blinks is None
    assert summary.tracks[0].head_pose.yaw_deg is None
    assert "AU04_r" in summary.not_measured


def test_a_manifest_that_says_nothing_is_no_error() -> None:
    empty = table_of([]).drop(columns=["frame", "face_id", "timestamp", "success"]).assign(face=[])
    summary = summarise(empty, SHA, {"schema": 1}, gate())
    assert (summary.completeness.verdict, summary.rows.total, summary.engine) == ("unknown", 0, None)
    assert methods(summary, ManifestReader({"schema": 1}))


def test_a_spread_is_of_the_population_with_interpolated_percentiles() -> None:
    found = spread(pd.Series([4.0, 1.0, np.nan, 2.0, 3.0, np.inf]))
    assert found is not None
    # 1, 2, 3, 4: the variance is 5/4; the 5th percentile lies 0.15 of a step above 1.
    assert (found.n, found.mean, found.sd) == (4, 2.5, 1.118)
    assert (found.min, found.p5, found.p25, found.p50, found.p75, found.p95, found.max) == (
        1,
        1.15,
        1.75,
        2.5,
        3.25,
        3.85,
        4,
    )
    assert spread(pd.Series([np.nan])) is None


def test_rates_per_minute_need_ten_seconds() -> None:
    # Two closures of five frames each, at 25 frames a second.
    shut = {*range(50, 55), *range(150, 155)}

    def blinks(frames: int) -> Blinks:
        found = summarised([{"AU45_r": 2.0 if i in shut else 0.0} for i in range(frames)])[0].tracks[0].blinks
        assert found is not None
        return found

    short, long = blinks(249), blinks(300)
    assert (short.count, short.per_minute, short.mean_length_s) == (2, None, 0.2)
    # Two in twelve seconds.
    assert (long.count, long.per_minute, long.longer_closures) == (2, 10.0, 0)


def test_a_presence_is_the_share_of_the_rows_that_have_one() -> None:
    rows = [{"AU12_c": 1.0}, {"AU12_c": 0.0}, {"AU12_c": 0.0}, {"AU12_c": np.nan}, {"AU12_c": 1.0, "success": 0}]
    presence = summarised(rows)[0].tracks[0].action_units["AU12"].presence
    assert presence is not None
    assert presence.share == 0.3333


def test_presence_and_intensity_contradict_at_present_zero_and_at_absent_one() -> None:
    pairs = [(1, 0.0), (1, 0.1), (0, 0.9), (0, 1.0), (0, 0.0), (1, np.nan)]
    rows = [{"AU12_c": float(present), "AU12_r": value} for present, value in pairs]
    assert summarised(rows)[0].tracks[0].action_units["AU12"].disagree_share == 0.4


def test_angles_are_in_degrees_and_places_in_millimetres() -> None:
    track = summarised([{"pose_Ry": math.pi / 6, "pose_Tz": 500.0, "gaze_angle_x": -math.pi / 18}])[0].tracks[0]
    assert track.head_pose.yaw_deg and track.head_pose.z_mm and track.gaze.x_deg
    assert (track.head_pose.yaw_deg.p50, track.head_pose.z_mm.p50, track.gaze.x_deg.p50) == (30, 500, -10)


def test_the_histogram_holds_every_row_with_a_confidence() -> None:
    found = summarised([{"confidence": value} for value in (0.0, 0.05, 0.999, 1.0, 1.2, np.nan)])[0].confidence
    assert (found.counts[0], found.counts[1], found.counts[-1], sum(found.counts)) == (1, 1, 3, 5)
    assert (found.edges[0], found.edges[1], found.edges[-1]) == (0, 0.05, 1)


def test_a_unit_is_supported_as_well_as_the_better_of_its_columns() -> None:
    def of(**levels: str) -> str:
        return support("AU12", ManifestReader({"engine": {"au_support": levels}}))

    assert of(AU12_r="weak", AU12_c="supported") == of() == of(AU04_r="weak") == "supported"
    assert of(AU12_r="weak", AU12_c="not_estimable") == "weak"
    assert of(AU12_c="not_estimable") == "not_estimable"


def test_each_face_of_a_video_has_its_own_statistics() -> None:
    rows = [
        {"face_id": face, "frame": frame, "AU12_r": value}
        for frame, face, value in ((1, 0, 1.0), (1, 3, 5.0), (2, 3, 3.0))
    ]
    tracks = summarised(rows)[0].tracks
    found = [
        (track.face_id, track.rows, unit.spread.mean)
        for track in tracks
        if (unit := track.action_units["AU12"].intensity)
    ]
    assert found == [(0, 1, 1.0), (3, 2, 4.0)]


@pytest.mark.parametrize("odd", ["x", [], {}, True, float("nan"), -1.5])
def test_a_manifest_of_odd_values_is_summarised(odd: object) -> None:
    probe = dict.fromkeys(("frame_rate", "duration_s", "jitter_ms", "gaps", "longest_gap_s", "width"), odd)
    manifest = {
        "job": {"media": "video", "options": odd},
        "media": {"probe": probe | {"variable_frame_rate": True}, "part": odd, "preparation": odd},
        "engine": {"name": "OpenFace", "version": odd, "licence_class": odd, "au_support": {"AU12_r": odd}},
        "frames": {"expected": odd, "decoded": odd},
    }
    summary = summarise(table_of([{"AU12_r": 2.0}] * 30), SHA, manifest, gate())
    assert summary.tracks[0].action_units["AU12"].intensity
    # 30 frames at 25 a second.
    assert summary.tracks[0].observed_s == 1.2
    assert methods(summary, ManifestReader(manifest))
