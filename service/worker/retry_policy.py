"""Decide how to settle a queue message, as a pure function of its job's error and attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.errors import (
    AnalysisError,
    AttemptsExhausted,
    Cancelled,
    EngineUnavailable,
    LeaseLost,
    MediaChanged,
    ShuttingDown,
    StorageUnavailable,
)

Action = Literal["retry", "fail", "supersede", "cancel", "abandon"]

FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 300.0


@dataclass(frozen=True)
class Settlement:
    """How to settle a job that did not succeed.

    Attributes:
        action: ``retry`` frees the job and hides its message for `delay_s`; ``fail`` publishes a failure manifest
            and moves the message to the poison queue; ``supersede`` submits the blob's new version; ``cancel``
            ends the job; ``abandon`` touches nothing, since another worker may hold the job.
        counted: whether the attempt counts against the limit.
    """

    action: Action
    delay_s: float = 0.0
    counted: bool = True


def settlement(error: AnalysisError, attempt: int, max_attempts: int, dequeue_count: int = 1) -> Settlement:
    """Decide from the error, the number of this attempt and that of the message's deliveries, both counted from 1."""
    match error:
        case LeaseLost():
            return Settlement("abandon")
        case Cancelled():
            return Settlement("cancel")
        case MediaChanged():
            return Settlement("supersede")
        case ShuttingDown():
            return Settlement("retry", counted=False)
        case StorageUnavailable() | EngineUnavailable():
            # The fault is neither the media's nor the attempt's; another try costs little and loses nothing.
            return Settlement("retry", delay_s=_delay_s(max(attempt, dequeue_count)), counted=False)
    if error.retryable and attempt < max_attempts:
        return Settlement("retry", delay_s=_delay_s(attempt))
    return Settlement("fail")


def exhausted(attempts: int, last: str) -> AttemptsExhausted:
    """Make the error of a job whose attempts are used up before it starts again."""
    return AttemptsExhausted(f"{attempts} attempts ended without an answer; the last: {last or 'worker lost'}")


def _delay_s(attempt: int) -> float:
    doubled = FIRST_DELAY_S * 2.0 ** min(max(attempt, 1) - 1, 10)
    return float(min(doubled, LONGEST_DELAY_S))
