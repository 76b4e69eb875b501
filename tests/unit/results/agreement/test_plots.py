"""Plots of what both engines measured: a point a face, at both engines' values."""

from __future__ import annotations

import re

import numpy as np

from service.results.agreement.figures import Agreement, FacesOfBoth
from service.results.agreement.plots import MOST_POINTS, SIDE, angles, intensities
from service.results.agreement.side_by_side import MEASURED


def points(svg: str) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h0", svg)}


def test_a_point_is_at_both_engines_values(compared: tuple[Agreement, FacesOfBoth]) -> None:
    plots = {plot.heading.split()[0]: plot for plot in intensities(compared[1])}
    # 0.2 against 0.7 and 3.1 against 3.6 on axes from 0 to 5; the engine's values go upwards.
    assert points(plots["AU12"].svg) == {(40, SIDE - 140), (620, SIDE - 720)}
    assert (plots["AU12"].low, plots["AU12"].high, plots["AU12"].note) == ("0", "5", "120 faces")


def test_what_one_engine_does_not_measure_has_no_plot(compared: tuple[Agreement, FacesOfBoth]) -> None:
    drawn = {plot.heading.split()[0] for plot in intensities(compared[1])}
    assert "AU45" not in drawn
    # It has a presence and no intensity.
    assert "AU28" not in drawn


def test_angles_are_in_degrees(compared: tuple[Agreement, FacesOfBoth]) -> None:
    yaw = next(plot for plot in angles(compared[1]) if plot.heading == "yaw, degrees")
    assert float(yaw.low) <= np.degrees(0.1 * np.cos(2)) < np.degrees(0.2) <= float(yaw.high)
    assert len({y for _, y in points(yaw.svg)}) == 1


def test_thousands_of_faces_are_thinned_and_the_plot_says_so() -> None:
    rows = np.zeros((2 * MOST_POINTS, len(MEASURED)))
    rows[:, MEASURED.index("AU01_r")] = np.linspace(0, 5, len(rows))
    [plot] = [plot for plot in intensities(FacesOfBoth(rows, rows)) if plot.heading.startswith("AU01")]
    assert plot.note == "6,000 faces, every 2th is drawn"
    assert len(points(plot.svg)) <= MOST_POINTS
