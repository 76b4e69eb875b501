"""The page of `agree --report`: plots of what both engines measured, and the same figures as the command prints."""

from __future__ import annotations

import re

from service.results.agreement.figures import Agreement, FacesOfBoth, agreement
from service.results.agreement.page import page
from service.results.agreement.plots import angles, intensities, landmark_errors


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
