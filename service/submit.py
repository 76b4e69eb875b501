"""Submitting a job: its record first, then its message, so that a job is never in work without being seen."""

from __future__ import annotations

from dataclasses import replace

from service.errors import Conflict, NotFound, RecordChanged
from service.job import AnalysisJob, QueuedJob
from service.logs import about, log
from service.record import JobRecord, now
from service.storage.job_queue import JobQueue
from service.storage.job_table import JobTable


class Desk:
    """Takes jobs in, and takes orders about them."""

    def __init__(self, table: JobTable, queue: JobQueue) -> None:
        self._table = table
        self._queue = queue

    def submit(self, job: AnalysisJob, traceparent: str) -> JobRecord:
        """Make sure that the job is done once; asking twice is harmless.

        The record is inserted create-only. While it is still queued the message is sent again: if the first
        was lost between the two writes, this one carries the job, and a spare message is dropped by its worker.
        """
        with about(job, traceparent):
            record = self._table.create(JobRecord(job=job, traceparent=traceparent, created=now()))
            if record.state != "queued":
                log.info("job.known", state=record.state)
                return record
            self._table.index(record)
            self._queue.send(QueuedJob(job, record.traceparent).encode())
            log.info("job.submitted", media=job.media, media_type=job.media_type)
        return record

    def rerun(self, job_id: str, traceparent: str) -> JobRecord:
        """Submit a finished job's next generation, or return the one that is under way.

        Raises:
            NotFound: there is no such job.
            Conflict: the job is not finished.
        """
        record = self._table.get(job_id)
        if not record.is_finished:
            raise Conflict(f"job {job_id} is still {record.state}; only a finished one runs again", "not_finished")
        while True:
            job = replace(record.job, generation=record.job.generation + 1)
            try:
                record = self._table.get(job.job_id)
            except NotFound:
                return self.submit(job, traceparent)
            if not record.is_finished:
                return self.submit(job, traceparent)

    def cancel(self, job_id: str) -> JobRecord:
        """End a queued job now, a running one within a few seconds.

        Raises:
            NotFound: there is no such job.
            Conflict: it has finished.
        """
        while True:
            record = self._table.get(job_id)
            if record.is_finished:
                raise Conflict(f"job {job_id} has {record.state} already", "already_finished")
            asked = record.cancelled(now()) if record.state == "queued" else replace(record, cancel_requested=True)
            try:
                changed = self._table.update(asked)
            except RecordChanged:
                continue
            with about(record.job, record.traceparent):
                log.info("job.cancel_asked", state=changed.state)
            return changed
