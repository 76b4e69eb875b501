"""A worker's lease on a job: the claim in its record, and the message kept hidden meanwhile.

The record is the authority: a claim is a conditional write, so only one worker can have it. The message's
visibility is renewed beside it; should its receipt be lost, the message becomes visible again, and whichever worker
receives it finds the job held or finished and hides or drops the message.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable

from service import metrics
from service.errors import AnalysisError, Cancelled, LeaseLost, NotFound, RecordChanged, StorageUnavailable
from service.jobs.job_queue import JobQueue, Message, MessageGone
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.logs import log

REPORT_EVERY_S = 1.0
"""Shortest interval between two writes of a video's progress."""

HEARTBEAT_S = 5.0
"""Heartbeat interval; also the longest delay before a cancellation or a lost lease is noticed."""


class Lease:
    """Renews claim and message when a `LeaseKeeper` calls, writes progress, and stops the work when it must end."""

    def __init__(self, table: JobTable, queue: JobQueue, message: Message, record: JobRecord, lease_s: int) -> None:
        self._table = table
        self._queue = queue
        self._lease_s = lease_s
        self._heartbeat_s = min(HEARTBEAT_S, lease_s / 3)
        self._lock = threading.Lock()
        self._message = message
        self._record = record
        self._stage, self._progress = record.stage, record.progress
        # A picture takes a moment; with many waiting, writing their progress would be most of the work.
        self._in_steps = record.job.kind == "video"
        self._written = (record.stage, record.progress)
        began = time.monotonic()
        self._good_until = began + lease_s
        self._message_due = began + lease_s / 3
        # The claim has just written the record.
        self._record_due = began + self._heartbeat_s
        self._row_due = 0.0
        self._ended = False
        self._stop_with: AnalysisError | None = None
        self._log_context = contextvars.copy_context()

    @property
    def attempt_id(self) -> str:
        return self._record.attempt_id

    @property
    def callbacks(self) -> str:
        """Addresses that are called at the job's end, as of the last write."""
        return self._record.callbacks

    def report(self, stage: str, progress: float) -> None:
        """Store the stage and the progress, 0 to 1.

        Raises:
            LeaseLost: another worker may hold the job; publish nothing, touch nothing.
            Cancelled: a caller cancelled the job.
        """
        self._stage, self._progress = stage, progress
        self.check()

    def check(self) -> None:
        """Check the lease. Raises LeaseLost, Cancelled."""
        if self._stop_with:
            raise self._stop_with
        if time.monotonic() >= self._good_until:
            raise LeaseLost(f"the lease could not be renewed for {self._lease_s} s")

    def settle(self, change: Callable[[JobRecord], JobRecord], *, rows_later: bool = False) -> JobRecord:
        """Write the job's end or release; nothing is renewed afterwards.

        Args:
            rows_later: see `JobTable.update`.

        Raises:
            LeaseLost: another worker has claimed the job.
        """
        with self._lock:
            self._write(change, rows_later=rows_later)
            self._ended = True
            if not self._record.is_finished:
                self._table.state_index.renew(self._record)
            return self._record

    def hide_message(self, seconds: float) -> None:
        """Hide the message for this many seconds."""
        self._on_message(lambda message: self._queue.hide(message, max(0, round(seconds))))

    def delete_message(self) -> None:
        """Delete the message, unless it is gone already."""
        self._on_message(self._queue.delete)

    @property
    def text(self) -> str:
        """Text of the message, unchanged."""
        return self._message.text

    @property
    def next_due(self) -> float:
        """Monotonic time at which `renew_if_due` is to be called."""
        return min(self._record_due, time.monotonic() + REPORT_EVERY_S) if self._in_steps else self._record_due

    @property
    def is_stopped(self) -> bool:
        """Whether the work must end, because of a cancellation or a lost lease."""
        return self._stop_with is not None

    def renew_if_due(self) -> bool:
        """Write what is due, on one thread at a time; return whether to call again."""
        return self._log_context.run(self._renew_if_due)

    def end(self) -> None:
        """Renew nothing any more; waits for a renewal under way."""
        with self._lock:
            self._ended = True

    def _renew_if_due(self) -> bool:
        reached = (self._stage, self._progress)
        has_moved = self._in_steps and reached != self._written
        if not self._ended and (has_moved or time.monotonic() >= self._record_due):
            self._written = reached
            self._record_due = time.monotonic() + self._heartbeat_s
            if self._renew_record(*reached) and time.monotonic() >= self._message_due:
                self._message_due = time.monotonic() + self._lease_s / 3
                self._renew_message()
        return not (self._ended or self._stop_with)

    def _renew_record(self, stage: str, progress: float) -> bool:
        """Write the record; return whether that succeeded, and the work may go on."""
        try:
            self._renew(stage, progress)
        except (LeaseLost, Cancelled, NotFound) as error:
            self._stop_with = error
            if isinstance(error, LeaseLost):
                metrics.lease_renewal("lost")
            log.warning("lease.ended", error_code=error.code, error=error.message)
            return False
        except Exception as error:
            # Whatever it is, the work goes on for as long as the lease is known to be held.
            metrics.lease_renewal("failed")
            log.warning("lease.renewal_failed", error=str(error), exc_info=not isinstance(error, StorageUnavailable))
            self._record_due = time.monotonic() + REPORT_EVERY_S
            return False
        metrics.lease_renewal("renewed")
        return True

    def _renew(self, stage: str, progress: float) -> None:
        began = time.monotonic()
        with self._lock:
            if self._ended:
                return
            self._write(lambda record: record.renewed(stage, progress, self._lease_s, now()))
            self._good_until = began + self._lease_s
            self._renew_row()
            if self._record.cancel_requested:
                raise Cancelled()

    def _renew_row(self) -> None:
        """Let lists show the job as running, and a video's progress; at the heartbeats, since each is a write."""
        if time.monotonic() >= self._row_due:
            self._row_due = time.monotonic() + HEARTBEAT_S if self._in_steps else float("inf")
            self._table.state_index.renew(self._record)

    def _write(self, change: Callable[[JobRecord], JobRecord], *, rows_later: bool = False) -> None:
        """Write conditionally; where the record has changed, repeat on its current state while this worker holds it."""
        while True:
            try:
                self._record = self._table.update(change(self._record), rows_later=rows_later)
                return
            except RecordChanged as error:
                current = self._table.get(self._record.job.job_id)
                held = (current.state, current.owner, current.attempt_id)
                if held != ("running", self._record.owner, self._record.attempt_id):
                    if current.is_finished:
                        # This worker may have renewed the row after the other had moved it.
                        self._table.state_index.renew(current)
                    raise LeaseLost("another worker has taken the job over") from error
                self._record = current

    def _renew_message(self) -> None:
        try:
            self.hide_message(self._lease_s)
        except Exception as error:
            log.warning("lease.message_renewal_failed", error=str(error))

    def _on_message(self, act: Callable[[Message], Message | None]) -> None:
        with self._lock:
            try:
                self._message = act(self._message) or self._message
            except MessageGone:
                log.warning("lease.message_gone")
