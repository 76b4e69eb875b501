"""What becomes of a message: the whole table."""

from __future__ import annotations

import pytest

from service import errors
from service.errors import AnalysisError
from service.worker.retry_policy import Action, Settlement, settlement

TABLE: list[tuple[type[AnalysisError], int, Action, bool]] = [
    (errors.MediaNotFound, 1, "fail", True),
    (errors.MediaTooLarge, 1, "fail", True),
    (errors.UnsupportedMedia, 1, "fail", True),
    (errors.UnreadableMedia, 1, "fail", True),
    (errors.OptionDoesNotFit, 1, "fail", True),
    (errors.MediaChanged, 1, "supersede", True),
    (errors.EngineTimeout, 1, "retry", True),
    (errors.EngineTimeout, 5, "fail", True),
    (errors.EngineCrashed, 4, "retry", True),
    (errors.EngineCrashed, 5, "fail", True),
    (errors.NoOutput, 1, "retry", True),
    (errors.NoOutput, 5, "fail", True),
    (errors.MalformedOutput, 1, "fail", True),
    (errors.BadRequest, 1, "fail", True),
    (errors.AttemptsExhausted, 6, "fail", True),
    (errors.WorkspaceFull, 1, "retry", True),
    (errors.WorkspaceFull, 5, "fail", True),
    (errors.UnexpectedError, 1, "retry", True),
    (errors.UnexpectedError, 5, "fail", True),
    (errors.StorageUnavailable, 1, "retry", False),
    (errors.StorageRefused, 1, "fail", True),
    (errors.MediaArchived, 1, "fail", True),
    (errors.StorageUnavailable, 50, "retry", False),
    (errors.EngineUnavailable, 5, "retry", False),
    (errors.ShuttingDown, 5, "retry", False),
    (errors.LeaseLost, 1, "abandon", True),
    (errors.Cancelled, 1, "cancel", True),
]


@pytest.mark.parametrize(("kind", "attempt", "action", "counted"), TABLE)
def test_each_error_has_its_settlement(kind: type[AnalysisError], attempt: int, action: Action, counted: bool) -> None:
    decided = settlement(kind(), attempt, max_attempts=5)
    assert (decided.action, decided.counted) == (action, counted)


def test_a_torn_table_may_be_whole_the_next_time() -> None:
    torn = errors.MalformedOutput("torn", torn=True)
    assert settlement(torn, 1, max_attempts=5).action == "retry"
    assert settlement(torn, 5, max_attempts=5).action == "fail"


def test_every_error_that_a_job_can_meet_is_in_the_table() -> None:
    # The rest are met before there is a job, or are caught where they are raised.
    elsewhere = {"BadJob", "BlobExists", "RecordChanged", "NotFound", "Conflict", "Busy", "ReportFailed"}
    defined = {kind for kind in _tree(AnalysisError) if kind.__module__ == errors.__name__}
    bases = {kind.__base__ for kind in defined} - {errors.BadRequest}
    assert {kind.__name__ for kind in defined - bases} - elsewhere == {kind.__name__ for kind, *_ in TABLE}


def test_waits_grow_and_are_bounded() -> None:
    delays = [settlement(errors.EngineCrashed(), attempt, 100).delay_s for attempt in range(1, 12)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (5.0, 300.0)


def test_a_worker_that_stops_hands_back_at_once() -> None:
    assert settlement(errors.ShuttingDown(), 1, 5) == Settlement("retry", delay_s=0.0, counted=False)


def test_codes_are_unique_and_sentences_are_there() -> None:
    kinds = [kind for kind in _tree(AnalysisError) if kind.__module__ == errors.__name__]
    codes = [kind.code for kind in kinds]
    assert len(codes) == len(set(codes))
    assert all(kind().message.endswith((".", "it is.", "again.")) for kind in kinds)


def _tree(kind: type[AnalysisError]) -> list[type[AnalysisError]]:
    return [found for child in kind.__subclasses__() for found in [child, *_tree(child)]]
