"""Claim a received job's record by a conditional write, or drop or hide its message where that is not to be had."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass

from service.errors import NotFound, RecordChanged
from service.jobs.job import QueuedJob
from service.jobs.job_queue import JobQueue, Message, MessageGone
from service.jobs.job_table import JobTable, Purged, Removed
from service.jobs.record import JobRecord, now
from service.logs import log


@dataclass(frozen=True)
class Claims:
    """Claims jobs for one worker.

    Attributes:
        worker: a claim's owner is this name and a random number.
    """

    table: JobTable
    queue: JobQueue
    worker: str
    lease_s: int

    def claim(self, message: Message, queued: QueuedJob) -> JobRecord | None:
        """Claim the job's record; None where the job is finished, or held by another worker."""
        owner = f"{self.worker}/{secrets.token_hex(4)}"
        untouched = self._claim_unread(message, queued, owner)
        if untouched:
            return untouched
        fresh = JobRecord(job=queued.job, traceparent=queued.traceparent, created=now())
        try:
            record = self.table.get(queued.job.job_id)
        except (Purged, Removed):
            with suppress(MessageGone):
                self.queue.delete(message)
            log.info("job.purged_dropped")
            return None
        except NotFound:
            self.table.state_index.open([fresh])
            record = self.table.create(fresh)
            self.table.index(record)
        held_s = record.held_by_another_s(owner, self.lease_s)
        if held_s:
            log.info("job.held_by_another", owner=record.owner, seconds=round(held_s, 1))
            self.queue.hide(message, int(held_s) + 1)
            return None
        if record.is_finished:
            self._drop(message, record)
            return None
        try:
            return self._claimed(record, owner)
        except RecordChanged:
            log.info("job.claimed_by_another")
            self.queue.hide(message, 1)
            return None

    def _claim_unread(self, message: Message, queued: QueuedJob, owner: str) -> JobRecord | None:
        """Claim the record in the state that the message names; None where it has changed, or no state is named."""
        if queued.created is None or message.dequeue_count > 1:
            return None
        record = JobRecord(queued.job, queued.traceparent, queued.created, version=queued.version)
        try:
            return self._claimed(record, owner)
        except RecordChanged:
            return None

    def _claimed(self, record: JobRecord, owner: str) -> JobRecord:
        """Write the claim. Raises RecordChanged."""
        return self.table.update(record.claimed(owner, secrets.token_hex(6), self.lease_s, now()))

    def _drop(self, message: Message, record: JobRecord) -> None:
        """Delete the repeated message of a finished job; send a failed job's missing poison message first."""
        if record.state == "failed" and not record.poisoned:
            if not self._is_poisoned(record.job.job_id):
                self.queue.send_to_poison(message.text)
            self.table.update(record.set_aside())
        elif message.dequeue_count > 1:
            # The worker that finished it died before it deleted the message, and perhaps before it wrote the rows.
            self.table.state_index.renew(record)
        with suppress(MessageGone):
            self.queue.delete(message)
        log.info("job.repeat_dropped", state=record.state)

    def _is_poisoned(self, job_id: str) -> bool:
        """Whether the head of the poison queue holds the job: its worker may have died before it wrote that."""
        for text in self.queue.poisoned():
            # Texts that no decoder was made for lie there, too.
            with suppress(Exception):
                if QueuedJob.decode(text).job.job_id == job_id:
                    return True
        return False
