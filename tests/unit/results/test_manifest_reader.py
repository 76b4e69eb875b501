"""Manifests of any version and content: what is odd is empty, and never an error. Random ones: `test_outside_text`."""

from __future__ import annotations

from typing import Any

import pytest

from service.results.manifest_reader import ManifestReader


@pytest.mark.parametrize("odd", [None, "x", [], {}, -3, 0, 2.5, True, float("nan"), float("inf")])
def test_an_odd_part_of_frames_is_every_frame(odd: Any) -> None:
    reader = ManifestReader({"media": {"probe": {"frame_rate": 30}, "part": {"frames": {"every": odd}}}})
    assert (reader.every, reader.measured_rate) == (1, 30)


def test_one_frame_in_three_is_a_third_of_the_rate() -> None:
    reader = ManifestReader({"media": {"probe": {"frame_rate": 30}, "part": {"frames": {"every": 3}}}})
    assert (reader.every, reader.measured_rate) == (3, 10)


@pytest.mark.parametrize("odd", ["fast", True, float("nan"), float("inf"), -25, 0, None])
def test_an_odd_frame_rate_is_none(odd: Any) -> None:
    reader = ManifestReader({"media": {"probe": {"frame_rate": odd}}})
    assert (reader.frame_rate, reader.measured_rate) == (None, None)


@pytest.mark.parametrize("odd", ["500", None, True, float("nan"), float("inf"), 0])
def test_a_camera_with_an_odd_focal_length_is_none(odd: Any) -> None:
    camera = {"fx": 500.0, "fy": odd, "cx": 320.0, "cy": 240.0}
    assert ManifestReader({"media": {"camera": camera}}).camera is None
    assert ManifestReader({"media": {"camera": camera | {"fy": 510}}}).camera == (500.0, 510.0, 320.0, 240.0)


@pytest.mark.parametrize("odd", ["many", [5], {}, None, float("nan"), -1])
def test_odd_limits_and_lists_are_empty(odd: Any) -> None:
    reader = ManifestReader(
        {
            "faces_limit": {"reached": True, "at_most": odd},
            "media": {"files": odd if not isinstance(odd, list) else 5},
            "job": {"options": odd},
            "engine": {"au_support": {"AU12_r": odd}},
        }
    )
    assert (reader.faces_at_most, reader.files, reader.options) == (0, [], {})
    assert set(reader.au_support.values()) <= {"many"}


def test_a_job_decides_how_its_media_was_measured() -> None:
    frames = {"frames": {"expected": 3}}
    assert ManifestReader({"job": {"media": "image"}, **frames}).media == "image"
    assert ManifestReader({"job": {"media": "sequence"}, **frames}).media == "video"
    assert (ManifestReader(frames).media, ManifestReader({}).media) == ("video", "image")
    assert not ManifestReader({"job": {"media": "sequence"}}).has_times


def test_a_table_is_the_published_one_another_or_unknown() -> None:
    reader = ManifestReader({"csv": {"sha256": "aa"}})
    assert (reader.same_table("aa"), reader.same_table("bb"), ManifestReader({}).same_table("aa")) == (
        True,
        False,
        None,
    )
