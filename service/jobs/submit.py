"""Submit a job: its record first, then its message, so that no job runs without a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from service import metrics, tracing
from service.errors import Conflict, NotFound, RecordChanged
from service.jobs.callback_queue import CallbackQueue
from service.jobs.callbacks import addresses_of, merged
from service.jobs.job import AnalysisJob, QueuedJob, log_context
from service.jobs.job_queue import JobQueue
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, now
from service.logs import log

AT_ONCE = 16
UPLOADED_BY = "uploaded_by"
"""Metadata of an upload: the name of the API key that uploaded it, written with the upload itself."""

T = TypeVar("T")
R = TypeVar("R")


def uploader_of(metadata: Mapping[str, str]) -> str:
    """Return the name of the API key that uploaded a blob through the service; empty for other uploads."""
    return metadata.get(UPLOADED_BY, "")


class JobSubmitter:
    """Submits, re-runs and cancels jobs."""

    def __init__(self, table: JobTable, queue: JobQueue, callbacks: CallbackQueue) -> None:
        self._table = table
        self._queue = queue
        self._callbacks = callbacks

    def submit(self, job: AnalysisJob, traceparent: str, key_name: str = "", study: str = "") -> JobRecord:
        """Make sure that the job is done once; harmless to repeat.

        The record is inserted create-only. While it is still queued the message is sent again: if the first
        was lost between the two writes, this one carries the job, and a spare message is dropped by its worker.
        """
        [record] = self.submit_several([job], traceparent, [key_name], [study])
        return record

    def submit_several(
        self, jobs: Sequence[AnalysisJob], traceparent: str, key_names: Sequence[str], studies: Sequence[str]
    ) -> list[JobRecord]:
        """Submit many jobs, and return their records in the same order; list entries are written together.

        Args:
            key_names: of each job, as `JobRecord.key_name`.
            studies: of each job, the study that it is put into; empty for none. A known job stands in several.
        """
        with tracing.span("submit", traceparent, "PRODUCER", jobs=len(jobs)) as carried:
            fresh = [
                JobRecord(job=job, traceparent=carried, created=now(), key_name=key_name, study=study)
                for job, key_name, study in zip(jobs, key_names, studies, strict=True)
            ]
            # Before the records, so that no open job is ever missing from the state index.
            self._table.state_index.open(fresh)
            records = _each(self._recorded, fresh)
            known = [
                mine
                for mine, found in zip(fresh, records, strict=True)
                if not found.version or found.created != mine.created
            ]
            self._table.state_index.close(known)
            self._put_into_studies(records, studies)
            waiting = [record for record in records if record.state == "queued"]
            self._table.add_to_lists(*waiting)
            _each(self._send, waiting)
            return records

    def _put_into_studies(self, records: Sequence[JobRecord], studies: Sequence[str]) -> None:
        # What is left of a job after its retention stands in no study.
        named = [(record, study) for record, study in zip(records, studies, strict=True) if study and record.version]
        _each(lambda one: self._table.studies.join(*one), named)
        for study, key_name in {(study, record.key_name) for record, study in named}:
            self._table.studies.enlist(study, key_name)

    def take_over_studies(self, before: str, record: JobRecord) -> None:
        """Put a job into the studies of the one that it replaces; harmless to repeat."""
        for study in self._table.studies.studies_of(before):
            self._table.studies.join(record, study)
            self._table.studies.enlist(study, record.key_name)
        self._table.studies.replace(before)

    def _recorded(self, fresh: JobRecord) -> JobRecord:
        with log_context(fresh.job, fresh.traceparent):
            record = self._table.create(fresh)
            if record.state != "queued":
                log.info("job.known", state=record.state)
            return record

    def _send(self, record: JobRecord) -> None:
        job = record.job
        with log_context(job, record.traceparent):
            # A worker that claims a record unread would write it without its key and its study.
            read = (None, "") if record.key_name or record.study else (record.created, record.version)
            self._queue.send(QueuedJob(job, record.traceparent, *read).encode())
            log.info("job.submitted", media=job.media, media_type=job.media_type)

    def call_back(self, record: JobRecord, callbacks: str) -> JobRecord:
        """Note addresses that are called when the job ends, or have them called now where it has ended.

        Args:
            callbacks: as records keep them.
        """
        while record.version:
            more = [address for address in addresses_of(callbacks) if address not in addresses_of(record.callbacks)]
            if not more:
                break
            try:
                record = self._table.update(replace(record, callbacks=merged(record.callbacks, more)))
            except RecordChanged:
                record = self._table.get(record.job.job_id)
                continue
            if record.is_finished:
                self._callbacks.announce(record.job.job_id, more)
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
        callbacks = record.callbacks
        while True:
            before, job = record, replace(record.job, generation=record.job.generation + 1)
            try:
                record = self._table.get(job.job_id)
            except NotFound:
                pass
            else:
                if record.is_finished:
                    continue
            again = self.submit(job, traceparent, before.key_name, before.study)
            self.take_over_studies(before.job.job_id, again)
            return self.call_back(again, callbacks)

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
            cancelled = record.cancelled(now()) if record.state == "queued" else replace(record, cancel_requested=True)
            try:
                changed = self._table.update(cancelled)
            except RecordChanged:
                continue
            if changed.is_finished:
                metrics.job_ended(changed.state, changed.error_code)
                self._callbacks.announce(job_id, addresses_of(changed.callbacks))
            with log_context(record.job, record.traceparent):
                log.info("job.cancel_asked", state=changed.state)
            return changed


def _each(act: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Map concurrently, in order: each call waits for storage."""
    if len(items) < 2:
        return [act(one) for one in items]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(act, items))
