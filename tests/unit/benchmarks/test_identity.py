"""The benchmarks of identity measure what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import identity, search
from benchmarks.identity import Labelled, judged, pairs
from tests.integration.identity.conftest import made_up, no_face, picture


def test_every_two_faces_are_compared_once() -> None:
    faces = [
        Labelled("a", made_up(1), 0),
        Labelled("a", made_up(2, near=1, apart=0.3), 0),
        Labelled("b", made_up(3), 0),
    ]
    same, different = pairs(faces)
    assert same == pytest.approx([0.3], abs=1e-4)
    assert len(different) == 2


def test_thresholds_are_judged_by_both_kinds_of_mistake() -> None:
    figures = judged(np.array([0.3, 0.45, 0.62]), np.array([0.58, 0.9, 0.9, 0.9]))
    at = {row["threshold"]: row for row in figures["thresholds"]}
    assert (at[0.4]["found"], at[0.4]["mistaken"]) == (pytest.approx(1 / 3), 0)
    assert (at[0.65]["found"], at[0.65]["mistaken"]) == (1, 0.25)
    assert at[0.65]["balanced_accuracy"] == pytest.approx(0.875)


def test_a_folder_of_people_is_read_and_others_are_left_out(tmp_path: Path) -> None:
    for name, content in {"one/a.png": picture(), "one/b.jpg": picture("darker"), "two/c.png": no_face()}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    faces, left_out = identity.look(tmp_path)
    assert [face.person for face in faces] == ["one", "one"]
    assert list(left_out) == ["two/c.png"]
    same, _ = pairs(faces)
    assert same[0] < 0.4


def test_searches_are_timed(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(
        search.main, ["--faces", "50", "--faces", "120", "--searches", "3", "--json", str(file)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    measured = json.loads(file.read_text())["searches"]
    assert [row["faces"] for row in measured] == [50, 120]
    assert all(0 < row["median_ms"] <= row["p99_ms"] * 1.01 for row in measured)
