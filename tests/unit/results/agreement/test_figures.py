"""Figures of agreement, worked out by hand: which rows, which unit, which sign."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.results.agreement.figures import (
    ErrorFigure,
    FacesOfBoth,
    UnitFigure,
    action_units,
    errors,
    frame_counts,
    pearson,
)
from service.results.agreement.side_by_side import MEASURED, SideBySide

Column = list[float]


def faces(reference: dict[str, Column], engine: dict[str, Column]) -> FacesOfBoth:
    """Faces of which both engines measured these columns, and nothing else."""
    count = len(next(iter(reference.values())))
    sides = []
    for columns in (reference, engine):
        rows = np.full((count, len(MEASURED)), np.nan)
        for name, values in columns.items():
            rows[:, MEASURED.index(name)] = values
        sides.append(rows)
    return FacesOfBoth(*sides)


def figure(found: FacesOfBoth, group: str, what: str) -> ErrorFigure:
    [one] = [each for each in errors(found) if (each.group, each.what) == (group, what)]
    return one


def unit(files: list[FacesOfBoth], name: str) -> UnitFigure:
    [one] = [each for each in action_units(files) if each.unit == name]
    return one


def test_a_difference_is_engine_minus_reference() -> None:
    found = figure(faces({"pose_Tz": [500.0, 600.0, np.nan]}, {"pose_Tz": [503.0, 599.0, 1.0]}), "head pose", "Tz")
    # Differences 3 and -1; the 95th percentile of 1 and 3 is 1 + 0.95 * 2.
    assert (found.mean, found.bias, found.n, found.unit) == (2.0, 1.0, 2, "mm")
    assert found.worst == pytest.approx(2.9)


def test_angles_differ_by_the_shorter_way_round() -> None:
    found = figure(faces({"pose_Rz": [math.pi - 0.01]}, {"pose_Rz": [0.01 - math.pi]}), "head pose", "roll")
    assert (found.mean, found.bias) == (pytest.approx(math.degrees(0.02)), pytest.approx(math.degrees(0.02)))


def test_landmarks_are_a_share_of_the_references_outer_eye_distance() -> None:
    reference = {f"{axis}_{i}": [0.0] for axis in "xy" for i in range(68)} | {"x_45": [100.0]}
    engine = {f"x_{i}": [3.0] for i in range(68)} | {f"y_{i}": [4.0] for i in range(68)} | {"x_45": [103.0]}
    found = faces(reference, engine)
    for region in ("all 68", "jaw", "mouth"):
        assert figure(found, "landmarks", region).mean == pytest.approx(5.0)
    assert figure(found, "landmarks", "all 68").bias is None


def test_a_face_without_eyes_apart_has_no_landmark_error() -> None:
    same = {f"{axis}_{i}": [0.0] for axis in "xy" for i in range(68)}
    found = figure(faces(same, same), "landmarks", "all 68")
    assert (found.mean, found.n) == (None, 0)


def test_gazes_differ_by_the_angle_between_them() -> None:
    ten = math.radians(10)
    straight = {"gaze_0_x": [0.0, 0.0], "gaze_0_y": [0.0, 0.0], "gaze_0_z": [-1.0, 0.0]}
    aside = {"gaze_0_x": [2 * math.sin(ten), 0.0], "gaze_0_y": [0.0, 0.0], "gaze_0_z": [-2 * math.cos(ten), 0.0]}
    found = figure(faces(straight, aside), "gaze", "vector 0")
    # Whatever the vectors' length; two that have none say nothing.
    assert (found.mean, found.n) == (pytest.approx(10.0), 1)


def test_a_units_figures_are_of_the_faces_that_both_measured() -> None:
    reference = {"AU12_r": [1.0, 2.0, 3.0, np.nan], "AU12_c": [1.0, 1.0, 0.0, 0.0]}
    engine = {"AU12_r": [1.0, 3.0, 3.0, 5.0], "AU12_c": [1.0, 0.0, 1.0, 0.0]}
    found = unit([faces(reference, engine)], "AU12")
    assert (found.n, found.mae, found.bias) == (3, pytest.approx(1 / 3), pytest.approx(1 / 3))
    # Covariance 2/3, variances 2/3 and 8/9: r = (2/3) / sqrt(16/27).
    assert found.r == pytest.approx((2 / 3) / math.sqrt(16 / 27))
    assert (found.presence_n, found.presence_agreement, found.presence_f1) == (4, 0.5, 0.5)


def test_au28_has_a_presence_and_no_intensity() -> None:
    found = unit([faces({"AU28_c": [0.0, 0.0]}, {"AU28_c": [0.0, 0.0]})], "AU28")
    assert (found.n, found.mae, found.r) == (0, None, None)
    # Neither calls it present: the share agrees, and F1 is of nothing.
    assert (found.presence_agreement, found.presence_f1) == (1.0, None)


def test_a_file_has_its_own_correlation_from_ten_faces_on() -> None:
    rising = [float(i) for i in range(10)]
    long = faces({"AU12_r": rising}, {"AU12_r": rising})
    short = faces({"AU12_r": rising[:9]}, {"AU12_r": rising[:9][::-1]})
    found = unit([long, short], "AU12")
    assert (found.r_by_file, found.r_files, found.n) == (pytest.approx(1.0), 1, 19)


def test_what_does_not_vary_has_no_correlation() -> None:
    rising, flat = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    assert (pearson(rising, flat), pearson(flat, rising), pearson(rising[:1], rising[:1])) == (None, None, None)
    assert pearson(rising, -rising) == pytest.approx(-1)


def test_frames_agree_where_both_or_neither_has_a_face() -> None:
    rows = np.zeros((5, 2), np.intp)
    counts = frame_counts(
        [SideBySide("frame", 5, 1, 2, 0, 7, 0, 7, 5, rows), SideBySide("frame", 0, 2, 0, 0, 0, 3, 0, 0, rows[:0])]
    )
    assert (counts["frames"], counts["success_agreement"], counts["faces_compared"]) == (10, 0.8, 5)
    assert (counts["frames_reference_only"], counts["frames_engine_only"]) == (7, 3)
    assert frame_counts([])["success_agreement"] is None
