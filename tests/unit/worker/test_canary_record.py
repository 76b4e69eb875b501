"""A record of the reference picture's values: what counts as drift, and which files are none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from service.settings import BadSettings
from service.worker.canary_record import Record, compared, keep, recorded
from tests.fixtures.jobs import engine

OK = engine("ok")
VALUES = {"x_0": 10.0, "pose_Tz": 500.0, "pose_Rx": 0.1, "gaze_angle_x": 0.0, "AU12_r": 2.0}


@pytest.mark.parametrize(
    ("column", "largest"), [("x_0", 1.0), ("pose_Tz", 8.0), ("pose_Rx", 0.03), ("gaze_angle_x", 0.06), ("AU12_r", 0.25)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_drifts_beyond_its_groups_tolerance_in_both_directions(column: str, largest: float, sign: int) -> None:
    record = Record("an engine", VALUES)
    for share, drifts in ((0.9, False), (1.1, True)):
        found = record.drifts(VALUES | {column: VALUES[column] + sign * share * largest})
        assert [drift.column for drift in found if drift.tolerances > 1] == [column] * drifts


def test_an_empty_column_is_farther_than_any_value() -> None:
    [drift] = Record("an engine", {"x_0": 1.0, "x_1": 1.0}).drifts({"x_1": 99.0})
    assert (drift.column, drift.measured, drift.tolerances) == ("x_0", None, math.inf)


def test_what_is_no_number_of_a_compared_group_is_left_out() -> None:
    cells = {"x_0": " 1.5", "y_67": "nan", "x_1": " ", "confidence": "0.9", "p_3": "7", "AU01_c": "1", "AU01_r": "inf"}
    assert compared(cells) == {"x_0": 1.5}


def test_a_record_is_kept_once_and_read_again(tmp_path: Path) -> None:
    assert recorded(OK, tmp_path) is None
    keep(OK, tmp_path / "own", VALUES)
    found = recorded(OK, tmp_path / "own")
    assert found
    assert found.values == VALUES
    with pytest.raises(BadSettings, match="has a record"):
        keep(OK, tmp_path / "own", VALUES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"picture_sha256": "0" * 64}, "of another picture"),
        ({"values": {"x_0": "far"}}, "is no record"),
        ({"values": None}, "is no record"),
    ],
)
def test_a_record_of_another_picture_and_a_broken_one_are_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    path = keep(OK, tmp_path, VALUES)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BadSettings, match=reason):
        recorded(OK, tmp_path)
