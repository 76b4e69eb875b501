"""The life of a job as a value: its record and the only transitions that the record allows.

queued → running → succeeded | failed | cancelled | superseded, never backwards. A retry stays `running`
without an owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from service.errors import AnalysisError, RecordChanged
from service.jobs.job import AnalysisJob

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "superseded"]
STATES: tuple[State, ...] = get_args(State)
LEASE_S = 60.0
"""Default lease, where neither record nor caller names one."""
LONGEST_MESSAGE = 4000
FINISHED: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "superseded"})


@dataclass(frozen=True)
class JobRecord:
    """The state of a job.

    Attributes:
        attempts: runs begun, without those that were evicted (a worker shut down, storage away).
        attempt_id: names the folder of this attempt's artefacts.
        owner, lease_until, lease_s: the worker that holds it, until when by its own clock, and for how long after
            the last write; None in records of older releases.
        progress: 0 to 1 within the whole job, `stage` in words.
        attempt_published: the attempt whose results are the job's.
        poisoned: the failed job's message has been copied to the poison queue.
        key_name: name of the API key that uploaded its media, else that started it; empty for no key.
        study: the study under which it was submitted first; the study index has all of a job's.
        callbacks: addresses that are called when it ends, one a line; see `callbacks`.
        version: the storage's own ETag of this record, for conditional updates.
        age_s: seconds since the last write when it was read, both by the server's clock.
        others: properties of a newer release; written back as they were read.
    """

    job: AnalysisJob
    traceparent: str
    created: datetime
    state: State = "queued"
    stage: str = "queued"
    progress: float = 0.0
    attempts: int = 0
    attempt_id: str = ""
    owner: str = ""
    lease_until: datetime | None = None
    lease_s: float | None = None
    started: datetime | None = None
    finished: datetime | None = None
    error_code: str = ""
    error_message: str = ""
    cancel_requested: bool = False
    superseded_by: str = ""
    attempt_published: str = ""
    poisoned: bool = False
    key_name: str = ""
    study: str = ""
    callbacks: str = ""
    version: str = ""
    age_s: float = field(default=0.0, compare=False)
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def waited_s(self) -> float | None:
        """Seconds from submission to the first attempt; None after later attempts.

        The two times are of two machines, whose clocks may differ.
        """
        if self.attempts != 1 or self.started is None:
            return None
        return max(0.0, (self.started - self.created).total_seconds())

    def held_by_another_s(self, owner: str = "", longest_s: float = LEASE_S) -> float:
        """Return how many seconds another owner may still hold the job, at most `longest_s`; 0 where it is free.

        The holder writes the record several times within its lease. Its age is by the server's clock alone: the clocks
        of the machines do not matter.
        """
        if not self.owner or self.owner == owner or self.lease_until is None:
            return 0.0
        lease_s = longest_s if self.lease_s is None else min(self.lease_s, longest_s)
        return max(0.0, lease_s - self.age_s)

    def claimed(self, owner: str, attempt_id: str, lease_s: float, now: datetime) -> JobRecord:
        """Begin the next attempt, held by `owner`."""
        self._refuse_if_finished()
        return replace(
            self,
            state="running",
            stage="starting",
            progress=0.0,
            attempts=self.attempts + 1,
            attempt_id=attempt_id,
            owner=owner,
            lease_until=now + timedelta(seconds=lease_s),
            lease_s=float(lease_s),
            started=self.started or now,
        )

    def renewed(self, stage: str, progress: float, lease_s: float, now: datetime) -> JobRecord:
        lease_until = now + timedelta(seconds=lease_s)
        return replace(self, stage=stage, progress=progress, lease_until=lease_until, lease_s=float(lease_s))

    def released(self, error: AnalysisError, stage: str, *, counted: bool) -> JobRecord:
        """Free the job for its next attempt; `counted`: this one counts against the limit."""
        return replace(
            self,
            stage=stage,
            progress=0.0,
            owner="",
            lease_until=None,
            attempts=self.attempts - (0 if counted else 1),
            error_code=error.code,
            error_message=_storable(error.message),
        )

    def succeeded(self, attempt_published: str, now: datetime) -> JobRecord:
        done = self._ended("succeeded", now)
        return replace(done, progress=1.0, attempt_published=attempt_published, error_code="", error_message="")

    def failed(self, error: AnalysisError, now: datetime) -> JobRecord:
        """End as failed, still held: its worker alone is about to move the message to the poison queue."""
        ended = self._ended("failed", now)
        held = replace(ended, owner=self.owner, lease_until=self.lease_until)
        return replace(held, error_code=error.code, error_message=_storable(error.message))

    def set_aside(self) -> JobRecord:
        """Note that the failed job's message is in the poison queue."""
        return replace(self, poisoned=True, owner="", lease_until=None)

    def cancelled(self, now: datetime) -> JobRecord:
        return replace(self._ended("cancelled", now), error_code="cancelled", error_message="")

    def superseded(self, by: str, error: AnalysisError, now: datetime) -> JobRecord:
        ended = self._ended("superseded", now)
        return replace(ended, superseded_by=by, error_code=error.code, error_message=_storable(error.message))

    def _ended(self, state: State, now: datetime) -> JobRecord:
        self._refuse_if_finished()
        return replace(self, state=state, stage=state, owner="", lease_until=None, finished=now)

    def _refuse_if_finished(self) -> None:
        if self.is_finished:
            raise RecordChanged(f"job {self.job.job_id} has {self.state} already")


def _storable(message: str) -> str:
    """Shorten a message, and replace characters that no storage takes."""
    return message[:LONGEST_MESSAGE].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
