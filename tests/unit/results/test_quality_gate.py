"""The quality gate: which rows count."""

from __future__ import annotations

import pytest

from service.results.quality_gate import gate


def test_a_gate_is_a_share() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        gate(70)
