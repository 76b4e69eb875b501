"""The page of `agree --report`: plots of what both engines measured, and the same figures as the command prints."""

from __future__ import annotations

import re

import numpy as np
import pytest

from service.results.agreement.figures import Agreement, FacesOfBoth, agreement
from service.results.agreement.page import page
from service.results.agreement.plots import MOST_POINTS, SIDE, angles, intensities, landmark_errors
from service.results.agreement.side_by_side import MEASURED, lay_side_by_side, read_rows
from tests.fixtures.results_made import cells_of, write_table

FRAMES = 120


def smiles_more(frame: int) -> dict[str, str]:
    """Half an intensity more, and no AU45 at all."""
    cells = cells_of(frame)
    return cells | {"AU12_r": f"{float(cells['AU12_r']) + 0.5:.2f}", "AU45_r": "", "pose_Ry": "0.200"}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agreement, FacesOfBoth]:
    folder = tmp_path_factory.mktemp("tables")
    tables = [
        read_rows(write_table(folder / "a.csv", FRAMES), "video"),
        read_rows(write_table(folder / "b.csv", FRAMES, smiles_more), "video"),
    ]
    found = lay_side_by_side(*tables)
    faces = FacesOfBoth(*(table.measured(found.rows[:, side]) for side, table in enumerate(tables)))
    return agreement([found], [faces]), faces


def points(svg: str) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h0", svg)}


def test_a_point_is_at_both_engines_values(compared: tuple[Agreement, FacesOfBoth]) -> None:
    plots = {plot.heading.split()[0]: plot for plot in intensities(compared[1])}
    # 0.2 against 0.7 and 3.1 against 3.6 on axes from 0 to 5; the engine's values go upwards.
    assert points(plots["AU12"].svg) == {(40, SIDE - 140), (620, SIDE - 720)}
    assert (plots["AU12"].low, plots["AU12"].high, plots["AU12"].note) == ("0", "5", f"{FRAMES} faces")


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


def test_without_a_face_there_are_figures_and_no_plots() -> None:
    nothing = FacesOfBoth.joined([])
    assert landmark_errors(nothing) is None
    assert angles(nothing) == intensities(nothing) == []
    assert "<svg" not in page(("a", "b"), {"videos": (agreement([], []), nothing)}, {})


def test_the_page_is_whole_without_scripts_and_escapes_names(compared: tuple[Agreement, FacesOfBoth]) -> None:
    text = page(("own", "other"), {"videos": compared}, {"<b>.mp4": "no table"})
    assert "<b>" not in text and "&lt;b&gt;.mp4" in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    # AU12: a bias of half an intensity, which is the mean error as well.
    assert re.search(r"AU12</th><td>1\.00</td><td>0\.50</td><td>0\.50</td>\s*<td>120</td>", text)
    assert text == page(("own", "other"), {"videos": compared}, {"<b>.mp4": "no table"})
