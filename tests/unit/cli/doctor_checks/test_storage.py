"""Clocks compared with storage's; the checks that need a storage account are in `integration/cli/test_doctor`."""

from __future__ import annotations

import pytest

from service.cli.doctor_checks.storage import clock_check


@pytest.mark.parametrize(
    ("ahead_s", "status", "says"),
    [
        (0.4, "ok", "within 30 s"),
        (-29.0, "ok", "within 30 s"),
        (31.0, "warning", "31 s ahead of"),
        (-301.0, "failed", "301 s behind"),
        (None, "skipped", "no time"),
    ],
)
def test_a_clock_far_from_storages_is_told(ahead_s: float | None, status: str, says: str) -> None:
    told = clock_check(ahead_s)
    assert (told.status, says in told.said) == (status, True)
    assert bool(told.advice) == (status in ("warning", "failed"))
