"""One worker's hold on one job: the claim in its record, and the message kept hidden meanwhile.

The record is the authority: a claim is a conditional write, so only one worker can have it. The message's
visibility is renewed beside it; should its receipt be lost, the message shows up again, finds the job held
or finished, and is hidden or dropped.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from service import metrics
from service.errors import AnalysisError, Cancelled, LeaseLost, RecordChanged, StorageUnavailable
from service.jobs.job_queue import JobQueue, Message, MessageGone
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.logs import log

REPORT_EVERY_S = 1.0
"""A video's progress is written at most so often."""

LOOK_EVERY_S = 5.0
"""The record is written at least so often, which is also when a cancellation or a lost lease is noticed."""


class Lease:
    """Renews claim and message on a thread of its own, writes progress, and tells when to stop.

    Use as a context manager around the work; call `report` often, it raises when the work must end.
    """

    def __init__(self, table: JobTable, queue: JobQueue, message: Message, record: JobRecord, lease_s: int) -> None:
        self._table = table
        self._queue = queue
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._message = message
        self._record = record
        self._stage, self._progress = record.stage, record.progress
        self._good_until = time.monotonic() + lease_s
        self._ended = threading.Event()
        self._stop_with: AnalysisError | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._keep,), name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def attempt_id(self) -> str:
        return self._record.attempt_id

    def report(self, stage: str, progress: float) -> None:
        """Note where the work is, 0 to 1.

        Raises:
            LeaseLost: another worker may hold the job; publish nothing, touch nothing.
            Cancelled: someone asked for it.
        """
        self._stage, self._progress = stage, progress
        self.check()

    def check(self) -> None:
        """Raise as `report` does."""
        if self._stop_with:
            raise self._stop_with
        if time.monotonic() >= self._good_until:
            raise LeaseLost(f"the lease could not be renewed for {self._lease_s} s")

    def settle(self, change: Callable[[JobRecord], JobRecord]) -> JobRecord:
        """Write the job's end (or release) if it is still ours; from then on nothing is renewed.

        Raises:
            LeaseLost: it is not.
        """
        with self._lock:
            self._write(change)
            self._ended.set()
            return self._record

    def hide_message(self, seconds: float) -> None:
        """Show the message again after so many seconds."""
        self._on_message(lambda message: self._queue.hide(message, max(0, round(seconds))))

    def delete_message(self) -> None:
        """Done with it; where it is gone already, so much the better."""
        self._on_message(self._queue.delete)

    @property
    def text(self) -> str:
        """The message, word for word."""
        return self._message.text

    def _keep(self) -> None:
        look_every_s = min(LOOK_EVERY_S, self._lease_s / 3)
        message_due = time.monotonic() + self._lease_s / 3
        # The claim has just written it.
        record_due = time.monotonic() + look_every_s
        written = (self._stage, self._progress)
        # A picture is done in a moment; where many wait for their turn, writing that they do would be most of the work.
        in_steps = self._record.job.media == "video"
        while not self._ended.wait(REPORT_EVERY_S):
            has_moved = in_steps and written != (self._stage, self._progress)
            if time.monotonic() < record_due and not has_moved:
                continue
            written = (self._stage, self._progress)
            record_due = time.monotonic() + look_every_s
            try:
                self._renew(*written)
                metrics.lease_renewal("renewed")
            except StorageUnavailable as error:
                metrics.lease_renewal("failed")
                log.warning("lease.renewal_failed", error=error.message)
                record_due = 0.0
                continue
            except AnalysisError as error:
                self._stop_with = error
                if isinstance(error, LeaseLost):
                    metrics.lease_renewal("lost")
                log.warning("lease.ended", error_code=error.code, error=error.message)
                return
            if time.monotonic() >= message_due:
                message_due = time.monotonic() + self._lease_s / 3
                self._renew_message()

    def _renew(self, stage: str, progress: float) -> None:
        asked_at = time.monotonic()
        with self._lock:
            if self._ended.is_set():
                return
            self._write(lambda record: record.renewed(stage, progress, self._lease_s, now()))
            self._good_until = asked_at + self._lease_s
            if self._record.cancel_requested:
                raise Cancelled()

    def _write(self, change: Callable[[JobRecord], JobRecord]) -> None:
        """One conditional write; where the record moved on, again on what it is now, if it is still ours."""
        while True:
            try:
                self._record = self._table.update(change(self._record))
                return
            except RecordChanged as error:
                current = self._table.get(self._record.job.job_id)
                held = (current.state, current.owner, current.attempt_id)
                if held != ("running", self._record.owner, self._record.attempt_id):
                    raise LeaseLost("another worker has taken the job over") from error
                self._record = current

    def _renew_message(self) -> None:
        try:
            self.hide_message(self._lease_s)
        except StorageUnavailable as error:
            log.warning("lease.message_renewal_failed", error=error.message)

    def _on_message(self, act: Callable[[Message], Message | None]) -> None:
        with self._lock:
            try:
                self._message = act(self._message) or self._message
            except MessageGone:
                log.warning("lease.message_gone")
