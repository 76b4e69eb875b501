"""Seconds of a result rest on the times of its frames, however uneven they are."""

from __future__ import annotations

import pandas as pd
import pytest

from service.results.frame_times import LASTS, with_durations
from service.results.manifest_reader import ManifestReader
from tests.fixtures.summaries_made import summarised

RATE = {"media": {"probe": {"frame_rate": 25.0}}}


def lasts(frames: list[int], times: list[float], manifest: dict | None = None) -> list[float]:
    table = pd.DataFrame({"frame": frames, "timestamp": times}, dtype=float)
    return with_durations(table, ManifestReader(manifest or RATE))[LASTS].round(3).tolist()


@pytest.mark.parametrize(
    ("frames", "times", "expected"),
    [
        ([1, 2, 3], [0, 0.04, 0.08], [0.04, 0.04, 0.04]),
        # The distances vary; each frame lasts until the next one.
        ([1, 2, 3, 4], [0, 0.03, 0.11, 0.14], [0.03, 0.08, 0.03, 0.03]),
        # A pause of the recording was not seen.
        ([1, 2, 3, 4], [0, 0.04, 20, 20.04], [0.04, 0.04, 0.04, 0.04]),
        # Frames without a row are not those before them.
        ([1, 2, 5, 6], [0, 0.04, 0.16, 0.2], [0.04, 0.04, 0.04, 0.04]),
        # Two faces of one frame last as long.
        ([1, 1, 2], [0, 0, 0.05], [0.05, 0.05, 0.05]),
        ([], [], []),
        ([7], [3.0], [0.04]),
    ],
)
def test_a_frame_lasts_until_the_next_one(frames: list[int], times: list[float], expected: list[float]) -> None:
    assert lasts(frames, times) == expected


def test_one_frame_in_five_lasts_five_steps() -> None:
    part = {"media": {**RATE["media"], "part": {"frames": {"every": 5}}}}
    assert lasts([3, 8, 13], [0.08, 0.28, 0.48], part) == [0.2, 0.2, 0.2]


def test_pictures_of_a_sequence_tell_no_seconds() -> None:
    assert lasts([1, 2], [0, 0], {"job": {"media": "sequence"}}) == [0, 0]


def test_observed_time_and_events_are_those_of_uneven_frames() -> None:
    # Half of the video at 30 frames a second, half at 12.5: 0.9 s of a smile among 4 s.
    times = [i / 30 for i in range(60)] + [2 + 0.08 * i for i in range(25)]
    rows = [{"timestamp": round(time_s, 3), "AU12_r": 2.0 if 1.7 <= time_s < 2.6 else 0.0} for time_s in times]
    summary, _ = summarised(rows)
    [track] = summary.tracks
    assert track.observed_s == pytest.approx(4, abs=0.1)
    events = track.action_units["AU12"].intensity.events  # type: ignore[union-attr]
    assert events.count == 1
    assert events.mean_length_s == pytest.approx(0.9, abs=0.04)
