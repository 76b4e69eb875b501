"""Statistics of a result: of the rows that pass the gate, and null where nothing was measured."""

from __future__ import annotations

from service.results.manifest_reader import ManifestReader
from service.results.methods import methods
from service.results.quality_gate import gate
from service.results.summary import summarise
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
