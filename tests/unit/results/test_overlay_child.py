"""Rows of a table and frames of its media: each frame with its own faces, whatever is missing of either."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from service.errors import UnreadableMedia
from service.results.overlay_child import _by_frame, _encode, _with_rows, of_picture


def paired(tmp_path: Path, text: str, frames: int) -> list[list[str]]:
    """The `face_id`s of each frame."""
    (tmp_path / "t.csv").write_text(f"frame,face_id,success\n{text}")
    given: Any = range(frames)
    return [[row["face_id"] for row in rows] for _, rows in _with_rows(given, _by_frame(str(tmp_path / "t.csv")))]


def test_each_frame_has_its_rows(tmp_path: Path) -> None:
    assert paired(tmp_path, "1,0,1\n1,1,1\n2,0,1\n3,1,1\n", 3) == [["0", "1"], ["0"], ["1"]]


def test_a_frame_without_a_row_has_no_face_and_takes_none_from_the_next(tmp_path: Path) -> None:
    assert paired(tmp_path, "2,0,1\n5,0,1\n", 6) == [[], ["0"], [], [], ["0"], []]


def test_rows_without_success_are_not_drawn(tmp_path: Path) -> None:
    assert paired(tmp_path, "1,0,0\n1,1,1\n2,0,\n", 2) == [["1"], []]


def test_rows_beyond_the_last_frame_are_left_over(tmp_path: Path) -> None:
    assert paired(tmp_path, "1,0,1\n9,0,1\n", 2) == [["0"], []]
    assert paired(tmp_path, "", 2) == [[], []]


def test_a_picture_that_cannot_be_decoded_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "t.csv").write_text("face\n")
    with pytest.raises(UnreadableMedia):
        of_picture(str(tmp_path / "a.jpg"), str(tmp_path / "t.csv"), str(tmp_path / "o.jpg"), {}, None)


def test_a_video_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match="no frame"):
        _encode(str(tmp_path / "o.mp4"), [], Fraction(25))
