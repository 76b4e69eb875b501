"""Sequences that engines take as they are: linked under names that sort as frames do, without a child."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.jobs.part import WHOLE, Part, Region
from service.sandbox.media import MediaLimits
from service.sandbox.sequences import ProbedSequence, _steps, frame_name, prepare_sequence
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=60)
FOUND = ProbedSequence("jpeg", "jpeg", 64, 48, 3, 1, 0)


def test_names_sort_as_frames_do() -> None:
    numbers = [1, 2, 9, 10, 99, 100, 20_000]
    assert sorted(map(frame_name, numbers)) == list(map(frame_name, numbers))


def test_pictures_are_linked_in_order_by_what_their_bytes_are(tmp_path: Path) -> None:
    folder, room = tmp_path / "in", tmp_path / "room"
    for each in (folder, room):
        each.mkdir()
    for number, suffix in enumerate(("jpg", "png", "bmp"), 1):
        clips.picture(tmp_path / f"a.{suffix}").rename(folder / frame_name(number))
    made = prepare_sequence(folder, FOUND, room, LIMITS, lambda: None, WHOLE)
    assert [file.name for file in sorted(made.path.iterdir())] == ["000001.jpg", "000002.png", "000003.bmp"]
    assert (made.path / "000002.png").read_bytes() == (folder / "000002").read_bytes()
    assert (made.frames_expected, made.frames_decoded, made.times) == (3, 3, None)
    assert made.steps == ("shown to the engine as a sequence of 3 frames without times",)


def test_a_sequence_is_a_video_without_times() -> None:
    assert (FOUND.probe.media, FOUND.probe.frames, FOUND.probe.frame_rate, FOUND.probe.duration_s) == (
        "video",
        3,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("found", "part", "steps"),
    [
        (replace(FOUND, altered=2), WHOLE, ["converted to PNG in 2 of its pictures"]),
        (
            replace(FOUND, altered=3, value_bits=12),
            WHOLE,
            ["converted to PNG in 3 of its pictures", "scaled from values of 12 bits"],
        ),
        (replace(FOUND, sizes=2), WHOLE, ["letterboxed from 2 sizes to 64 \N{MULTIPLICATION SIGN} 48"]),
        (FOUND, Part(region=Region(0, 0, 16, 16)), ["reduced to its region 0,0,16,16 (x, y, width, height)"]),
    ],
)
def test_what_was_done_is_told_with_numbers(found: ProbedSequence, part: Part, steps: list[str]) -> None:
    assert list(_steps(found, part))[1:] == steps
