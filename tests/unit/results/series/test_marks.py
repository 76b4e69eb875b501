"""Marks of a video's time axis: the places of the summary's own events, gaps and rows below the gate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.results.manifest_reader import ManifestReader
from service.results.quality_gate import gate
from service.results.series.layout import VALUES, FaceRows
from service.results.series.marks import Marks
from service.results.summary import summarise

RATE = 30
MANIFEST = {"job": {"media": "video"}, "media": {"probe": {"frame_rate": RATE}}}


def table(frames: int = 1800) -> pd.DataFrame:
    """A minute: blinks, a long closure, smiles, a gap of half a second, and frames of low confidence."""
    rng = np.random.default_rng(8)
    rows = pd.DataFrame({name: np.full(frames, np.nan) for name in VALUES})
    rows["frame"] = np.arange(1, frames + 1)
    rows["timestamp"] = np.round(np.arange(frames) / RATE, 3)
    rows["confidence"], rows["success"], rows["face_id"] = 0.98, 1, 0
    rows["AU45_r"], rows["AU12_r"], rows["AU12_c"] = 0.2, np.round(np.abs(rng.normal(0.5, 0.5, frames)), 2), 0.0
    for begin, length in ((100, 4), (400, 1), (700, 60), (1200, 6)):
        rows.loc[begin : begin + length - 1, "AU45_r"] = 2.5
    rows.loc[900:950, "AU12_c"] = 1
    rows.loc[1300:1309, "confidence"] = 0.5
    rows.loc[1302, "success"] = 0
    return rows.drop(index=range(500, 515)).reset_index(drop=True)


@pytest.fixture(scope="module")
def marks() -> Marks:
    rows = table()
    return Marks.of(rows[list(VALUES)].to_numpy(np.float32), FaceRows(0, 0, len(rows)), ManifestReader(MANIFEST))


def test_blinks_and_events_are_those_of_the_summary(marks: Marks) -> None:
    rows = table()
    for name in ("box_left", "box_top", "box_width", "box_height"):
        rows[name] = 0.0
    [track] = summarise(rows, "feed", MANIFEST, gate()).tracks
    assert track.blinks is not None
    assert (len(marks.blinks), len(marks.closures)) == (track.blinks.count, track.blinks.longer_closures) == (3, 1)
    smile = track.action_units["AU12"]
    assert smile.intensity and smile.presence
    for column, found in (("AU12_r", smile.intensity.events), ("AU12_c", smile.presence.events)):
        spans = marks.events[column]
        assert len(spans) == found.count > 0
        stated = [[event.start_s, event.end_s] for event in found.peaks]
        assert all(np.abs(spans - each).max(axis=1).min() < 0.0015 for each in stated)


def test_gaps_and_rows_below_the_gate_are_where_they_are(marks: Marks) -> None:
    assert marks.gaps == pytest.approx(np.array([[500 / RATE, 515 / RATE]]), abs=0.002)
    assert marks.below_gate == pytest.approx(np.array([[1300 / RATE, 1310 / RATE]]), abs=0.002)
    assert marks.rows_below_gate == 10


def test_a_drawing_gets_no_more_spans_than_it_has_points(marks: Marks) -> None:
    whole, part = marks.drawn(0, 60, 10_000), marks.drawn(30, 60, 20)
    assert len(whole["events"]["AU12_r"]) == len(marks.events["AU12_r"])
    assert len(part["events"]["AU12_r"]) <= 20
    assert all(end >= 30 for spans in part["events"].values() for _, end in spans)
    assert whole["counts"] == part["counts"] == {"blinks": 3, "closures": 1, "gaps": 1, "rows_below_gate": 10}
    assert len(part["blinks"]) == 1
