"""One face's action units, read from a result: which face, which rows, which statistic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.results.compare.comparison import compare
from service.results.compare.measured import BadResult, measure_result
from tests.fixtures.comparable_results import face, frame, parameters, result


@pytest.mark.parametrize(
    ("statistic", "value"), [("mean", 2.0), ("median", 1.5), ("p0", 1.0), ("p100", 4.0), ("p50", 1.5)]
)
def test_a_video_is_judged_by_its_good_rows(tmp_path: Path, statistic: str, value: float) -> None:
    good = [frame(n, AU12_r=r) for n, r in enumerate((1.0, 1.0, 2.0, 4.0), start=1)]
    bad = [frame(5, success=0, AU12_r=5.0), frame(6, confidence=0.5, AU12_r=5.0), frame(7, AU12_r="nan")]
    one = measure_result(result(tmp_path / "v", "video", [*good, *bad]))
    assert one.value("AU12_r", statistic) == pytest.approx(value)
    assert (one.rows, one.rows_used) == (7, 5)


def test_of_several_faces_the_main_one_is_meant_unless_another_is_chosen(tmp_path: Path) -> None:
    faces = [face(0, size=50, AU12_r=1.0), face(1, size=200, AU12_r=2.0), face(2, size=80, AU12_r=3.0)]
    group = result(tmp_path / "group", "image", faces)
    assert (measure_result(group).face, measure_result(group).value("AU12_r", "mean")) == (1, 2.0)
    assert measure_result(group, face=2).value("AU12_r", "mean") == 3.0
    assert (
        "3 faces: compared is face 1, the biggest"
        in compare(parameters(AU12_r=(1, 1)), measure_result(group)).warnings[0]
    )
    with pytest.raises(BadResult, match="no face 7; it has 0, 1, 2"):
        measure_result(group, face=7)
    rows = [frame(1, face_id=0, AU12_r=1.0), frame(1, face_id=1, AU12_r=2.0), frame(2, face_id=1, AU12_r=4.0)]
    video = result(tmp_path / "many", "video", rows)
    assert (measure_result(video).face, measure_result(video).value("AU12_r", "mean")) == (1, 3.0)


def test_excluded_stretches_are_not_compared(tmp_path: Path) -> None:
    rows = [frame(n, timestamp=f"{n - 1}", AU12_r=float(n)) for n in range(1, 5)]
    folder = result(tmp_path / "v", "video", rows)
    stretch = {"start_s": 2, "end_s": 4, "by": "lab", "at": "2026-01-02T03:04:05Z"}
    (folder / "annotations.json").write_text(json.dumps({"excluded": [stretch]}))
    measured = measure_result(folder)
    assert (measured.rows, measured.rows_used, measured.value("AU12_r", "mean")) == (4, 2, 1.5)
