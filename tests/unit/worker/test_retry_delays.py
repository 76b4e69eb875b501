"""How long a job waits for its next attempt."""

from __future__ import annotations

import pytest

from service.errors import EngineCrashed, MediaArchived, StorageUnavailable
from service.worker.retry_policy import LONGEST_DELAY_S, settlement


def test_an_outage_is_retried_with_a_delay_that_grows_with_the_deliveries_and_uses_no_attempt_up() -> None:
    delays = [settlement(StorageUnavailable(), 1, 5, count).delay_s for count in range(1, 9)]
    assert delays[:4] == [5, 10, 20, 40]
    assert delays[-1] == LONGEST_DELAY_S
    assert not settlement(StorageUnavailable(), 1, 5, 100_000).counted


def test_a_crash_waits_by_its_attempts() -> None:
    assert settlement(EngineCrashed(), 2, 5, 50).delay_s == 10


@pytest.mark.parametrize("attempt", [1, 5])
def test_a_permanent_answer_of_storage_fails_at_once(attempt: int) -> None:
    assert settlement(MediaArchived(), attempt, 5).action == "fail"
