"""How a checkout's figures are compared with another's."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.beside import compared

Run = dict[str, dict[str, Any]]


def run(value: float | None, unit: str) -> Run:
    return {"it": {"what": "it", "unit": unit, "value": value, "aim": None, "verdict": None}}


@pytest.mark.parametrize(
    ("unit", "here", "there", "verdict"),
    [
        ("a second", 91, 100, "met"),
        ("a second", 89, 100, "missed"),
        ("ms", 109, 100, "met"),
        ("ms", 111, 100, "missed"),
    ],
)
def test_more_than_a_tenth_worse_is_missed(unit: str, here: float, there: float, verdict: str) -> None:
    [row] = compared([run(here, unit)], [run(there, unit)])
    assert row["ratio"] == pytest.approx(here / there)
    assert row["verdict"] == verdict


def test_medians_are_compared() -> None:
    [row] = compared([run(value, "ms") for value in (1, 2, 90)], [run(value, "ms") for value in (4, 4, 4)])
    assert (row["here"], row["there"]) == (2, 4)


def test_figures_that_only_one_has_are_left_out() -> None:
    assert compared([run(1, "ms")], [{}]) == []
    assert compared([run(None, "ms")], [run(1, "ms")]) == []
    assert compared([run(1, "requests")], [run(1, "requests")]) == []
