"""The quality gate: which rows count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.results.quality_gate import gate, in_spans, in_stretches, passes


def test_a_gate_is_a_share() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        gate(70)
    with pytest.raises(ValueError, match="from 0 to 1"):
        gate(float("nan"))


def test_a_row_passes_from_the_gates_own_confidence_on() -> None:
    table = pd.DataFrame({"confidence": [0.75, 0.7499, np.nan, 1.0], "success": [1.0, 1.0, 1.0, 0.0]})
    assert passes(table, gate()).tolist() == [True, False, False, False]
    assert passes(table, gate(0.0)).tolist() == [True, True, False, False]


def test_rows_of_pictures_pass_by_their_confidence_alone() -> None:
    assert passes(pd.DataFrame({"confidence": [0.8, 0.5]}), gate(excluded=[(0, 99)])).tolist() == [True, False]


def test_a_success_that_is_no_number_does_not_pass() -> None:
    table = pd.DataFrame({"confidence": [0.9, 0.9], "success": [np.nan, 2.0]})
    assert passes(table, gate()).tolist() == [False, False]


def test_a_stretch_holds_its_start_and_not_its_end() -> None:
    times = np.array([0.999, 1.0, 1.5, 1.999, 2.0])
    assert in_spans(times, [(1.0, 2.0)]).tolist() == [False, True, True, True, False]
    # Thirds of a second, as tables round them.
    assert in_spans(np.array([0.333, 0.667]), [(1 / 3, 2 / 3)]).tolist() == [True, False]
    assert in_spans(times, []).tolist() == [False] * 5


def test_excluded_rows_fail_whatever_their_confidence() -> None:
    table = pd.DataFrame({"confidence": [1.0, 1.0], "success": [1.0, 1.0], "timestamp": [0.0, 3.0]})
    asked = gate(excluded=[(2.0, 4.0)])
    assert passes(table, asked).tolist() == [True, False]
    assert in_stretches(table, asked.excluded).tolist() == [False, True]
