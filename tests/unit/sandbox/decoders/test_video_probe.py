"""A video by its packets: times of reordered and joined takes, and what timing makes of a clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.decoders.clock import read_clock
from service.sandbox.decoders.video_probe import _presented, probe, timing
from tests.fixtures import clips


def test_reordered_times_are_sorted() -> None:
    assert _presented([0.0, 0.12, 0.04, 0.08]) == [0.0, 0.04, 0.08, 0.12]


def test_a_take_that_begins_anew_is_sorted_by_itself() -> None:
    assert _presented([5.0, 5.08, 5.04, 0.0, 0.08, 0.04]) == [5.0, 5.04, 5.08, 0.0, 0.04, 0.08]


def test_a_packet_without_a_time_leaves_all_as_they_are() -> None:
    stamps = [0.0, 0.12, None, 0.08]
    assert _presented(stamps) == stamps


def test_an_even_clock_has_its_exact_rate_and_length() -> None:
    facts = timing(read_clock([i / 25 for i in range(50)], 0.04), Fraction(25))
    assert (facts["rate"], facts["frame_rate"], facts["variable_frame_rate"]) == ("25", 25.0, False)
    assert facts["duration_s"] == pytest.approx(2.0)
    assert (facts["jitter_ms"], facts["gaps"], facts["clock_restarts"], facts["clock_jumps"]) == (0, 0, 0, 0)


def test_a_gap_makes_a_rate_vary_and_keeps_the_usual_one() -> None:
    times = [i / 25 for i in range(50)]
    facts = timing(read_clock([*times, *(10 + time_s for time_s in times)], 0.04), Fraction(25))
    assert (facts["variable_frame_rate"], facts["frame_rate"], facts["gaps"]) == (True, 25.0, 1)
    # From 1.96 to 10 s.
    assert facts["longest_gap_s"] == 8.04
    assert facts["duration_s"] == pytest.approx(12.0)


def test_a_clip_is_counted_and_measured(tmp_path: Path) -> None:
    found = probe(str(clips.clip(tmp_path / "a.mp4", frames=20)), 10_000, 60)
    assert (found["format"], found["codec"], found["width"], found["height"]) == ("mp4", "h264", 64, 48)
    assert (found["frames"], found["frames_promised"], found["duration_s"]) == (20, 20, pytest.approx(0.8))
    assert (found["track"], found["track_is_certain"], found["has_cuts"], found["rotation"]) == (0, True, False, 0)


def test_a_file_cut_short_promises_more_than_it_has(tmp_path: Path) -> None:
    whole = clips.clip(tmp_path / "a.mp4", frames=100, movflags="faststart")
    found = probe(str(clips.cut(whole, tmp_path / "b.mp4", 0.7)), 10_000, 60)
    assert found["frames_promised"] == 100
    assert 0 < found["frames"] < 100


def test_limits_are_judged_before_a_frame_is_decoded(tmp_path: Path) -> None:
    path = str(clips.clip(tmp_path / "a.mp4"))
    with pytest.raises(MediaTooLarge, match=r"64 . 48"):
        probe(path, 64 * 48 - 1, 60)
    with pytest.raises(MediaTooLarge, match="lasts 1 s"):
        probe(path, 10_000, 0.5)
    with pytest.raises(UnreadableMedia):
        probe(str(clips.without_frames(tmp_path / "b.mkv")), 10_000, 60)
