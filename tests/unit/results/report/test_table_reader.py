"""Columns of reports: landmarks become a box, and what is missing is no number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.errors import MalformedOutput
from service.results.report.table_reader import EYE_OPENING, read, read_rows
from tests.fixtures.comparable_results import face, frame, table


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "t.csv").write_text(text)
    return tmp_path / "t.csv"


def test_a_box_is_around_the_landmarks(tmp_path: Path) -> None:
    found = read(written(tmp_path, table("image", [face(0, size=100, AU12_r=2.5), face(1, size=50, x_3=-10)])), "image")
    assert found[["box_left", "box_top", "box_width", "box_height"]].to_numpy().tolist() == [
        [0, 0, 100, 100],
        [-10, 0, 60, 50],
    ]
    assert (found["AU12_r"][0], np.isnan(found["AU12_r"][1])) == (2.5, True)
    assert "x_0" not in found and "success" not in found


def test_a_missing_landmark_leaves_no_box(tmp_path: Path) -> None:
    found = read(written(tmp_path, table("image", [face(0, x_67="nan")])), "image")
    assert found[["box_left", "box_width"]].isna().all(axis=None)


def test_a_table_without_landmarks_or_rows_is_read(tmp_path: Path) -> None:
    found = read(written(tmp_path, "frame, face_id, timestamp, confidence, success\n1, 0, 0.0, 0.9, 1\n"), "video")
    assert (found["confidence"][0], np.isnan(found[EYE_OPENING][0]), np.isnan(found["AU12_r"][0])) == (0.9, True, True)
    assert len(read(written(tmp_path, table("video", [])), "video")) == 0


def test_a_torn_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MalformedOutput):
        read(written(tmp_path, table("image", [face()])[:-4]), "image")


def test_an_eye_is_as_open_as_the_one_that_is_less(tmp_path: Path) -> None:
    # Eyes 40 pixels wide; the lids of the first are 8 apart, those of the second 4.
    lids = {}
    for first, opening in ((36, 8), (42, 4)):
        places = ((0, 0), (10, -opening / 2), (30, -opening / 2), (40, 0), (30, opening / 2), (10, opening / 2))
        for point, (x, y) in enumerate(places, first):
            lids |= {f"x_{point}": x, f"y_{point}": y}
    found = read(written(tmp_path, table("image", [face(0, **lids)])), "image")
    assert found[EYE_OPENING][0] == pytest.approx(4 / 40)


def test_single_rows_are_read_by_their_number(tmp_path: Path) -> None:
    path = written(tmp_path, table("video", [frame(n, pose_Tx=10 * n) for n in range(1, 8)]))
    assert [row["pose_Tx"] for row in read_rows(path, 2, 3)] == [30, 40, 50]
    assert [row["frame"] for row in read_rows(path, 6, 5)] == [7]
    assert read_rows(path, 7, 1) == []
    assert "AU12_r" not in read_rows(path, 0, 1)[0]
