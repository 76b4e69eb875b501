"""A table's statistics are those of the whole, however it is cut into blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS
from service.engine.running_stats import RunningMeasures
from service.engine.table import Measures

NAN = math.nan
COLUMNS = VIDEO_COLUMNS


def rows(count: int, columns: Sequence[str] = COLUMNS, **cells: Sequence[float]) -> np.ndarray:
    values = np.zeros((count, len(columns)))
    if "success" in columns:
        values[:, columns.index("success")] = 1
    for name, given in cells.items():
        values[:, columns.index(name)] = given
    return values


def measured(values: np.ndarray, blocks: int = 1, columns: Sequence[str] = COLUMNS) -> Measures:
    running = RunningMeasures(columns)
    for block in np.array_split(values, blocks):
        running.add(block)
    return running.result()


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_a_mean_its_spread_and_its_largest_are_of_all_finite_values(blocks: int) -> None:
    unit = measured(rows(4, AU12_r=[-1.0, 2.0, NAN, 5.0]), blocks).intensities["AU12_r"]
    assert (unit.mean, unit.sd, unit.max) == pytest.approx((2.0, math.sqrt(6.0), 5.0))


def test_the_largest_of_negative_values_is_one_of_them() -> None:
    assert measured(rows(2, AU12_r=[-3.0, -1.0])).intensities["AU12_r"].max == -1


def test_rows_of_failed_frames_count_nowhere_but_as_measured() -> None:
    found = measured(rows(3, success=[1, 0, 1], AU12_r=[1, 4, 2], AU12_c=[1, 0, 0], AU01_r=[NAN, 3, NAN]))
    unit = found.intensities["AU12_r"]
    assert (unit.mean, unit.max, found.presence["AU12_c"]) == (1.5, 2, 0.5)
    assert "AU01_r" not in found.intensities
    assert found.not_measured == ()


def test_all_rows_of_a_picture_count() -> None:
    found = measured(rows(2, IMAGE_COLUMNS, confidence=[0.4, 0.8]), columns=IMAGE_COLUMNS)
    assert found.confidence_mean == pytest.approx(0.6)


def test_head_pose_is_in_degrees_by_its_own_names() -> None:
    found = measured(rows(2, pose_Rx=[math.pi / 6, math.pi / 3], pose_Ry=[NAN, NAN], pose_Rz=[-math.pi, 0]))
    assert found.head_pose_deg == pytest.approx({"pitch": 45, "roll": -90})


def test_only_action_units_are_said_to_be_not_measured() -> None:
    empty = measured(rows(2, AU12_r=[NAN, NAN], AU45_c=[NAN, NAN], pose_Rx=[NAN, NAN]))
    assert empty.not_measured == ("AU12_r", "AU45_c")


def test_a_table_without_rows_or_without_good_ones_has_no_means() -> None:
    for values in (rows(0), rows(2, success=[0, 0])):
        found = measured(values)
        assert (found.confidence_mean, found.head_pose_deg, found.intensities, found.presence) == (None, {}, {}, {})
        assert found.not_measured == ()


def test_equal_values_have_no_spread_whatever_rounding_makes_of_their_squares() -> None:
    assert measured(rows(3, AU12_r=[0.1, 0.1, 0.1])).intensities["AU12_r"].sd == pytest.approx(0, abs=1e-8)
