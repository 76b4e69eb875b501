"""Delete all data of a container of uploads, of one upload, or of one job, and give a receipt.

Jobs are ended first, so that nothing is written afterwards; records go last, so that an interrupted purge can be
repeated. A tombstone without any text stays in place of a record (`job_table.Purged`): a message that was on its way
starts nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from service.errors import BadJob, MediaNotFound, NotFound, RecordChanged
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.job_queue import HeldMessages, JobQueue, MessageGone
from service.jobs.job_table import JobTable, Purged
from service.jobs.names import OWN_CONTAINER, OWN_FOLDER, is_result
from service.jobs.record import JobRecord, now
from service.jobs.result_place import folder_of_upload
from service.jobs.study_place import container_of_studies, folder_of
from service.jobs.sweep.finding import every_blob
from service.logs import log
from service.storage.azure_blobs import AzureBlobs
from service.storage.blob_store import BlobInfo

LOOK_S = 0.5


@dataclass(frozen=True)
class Scope:
    """The data to delete.

    Attributes:
        blob: one upload of the container; None for all.
        job_id: one job of that upload; None for all.
    """

    container: str
    blob: str | None = None
    job_id: str | None = None

    def covers(self, job: AnalysisJob) -> bool:
        return job.container == self.container and self.blob in (None, job.blob) and self.job_id in (None, job.job_id)


@dataclass(frozen=True)
class Receipt:
    """The data that was deleted, or would be.

    Attributes:
        jobs: ids of those whose records are gone.
        unfinished: ids of jobs that did not end in time: they are cancelled and kept; run the purge again.
        messages, poison_messages: in the queue and in the poison queue; the message of a single job that still waits
            is not counted: a worker drops it when its turn comes.
        results, uploads: blobs.
        mentions: entries in the identity database about people that a result names.
    """

    scope: Scope
    at: datetime
    is_done: bool
    jobs: tuple[str, ...]
    unfinished: tuple[str, ...]
    messages: int
    poison_messages: int
    results: int
    uploads: int
    mentions: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Purge:
    """Deletes in one storage account.

    Attributes:
        forget: deletes the entries of jobs in the identity database; returns their number.
    """

    blobs: AzureBlobs
    queue: JobQueue
    table: JobTable
    results_container: str
    forget: Callable[[list[str]], int]

    def look(self, scope: Scope, *, uploads: bool) -> Receipt:
        """Return the receipt of a purge without deleting anything."""
        return self._go_through(scope, self._records(scope), set(), uploads=uploads, delete=False)

    def run(self, scope: Scope, *, uploads: bool, wait_s: float) -> Receipt:
        """Delete; harmless to repeat.

        Args:
            uploads: delete the media as well; media that stays may be analysed again by a sweep or a repeated event.
            wait_s: how long to wait for running jobs to end.

        Raises:
            StorageUnavailable: part of it may be done.
        """
        records, unfinished = self._ended(self._records(scope), wait_s)
        receipt = self._go_through(scope, records, unfinished, uploads=uploads, delete=True)
        self._forget_studies(records)
        for record in records:
            self.table.purge(record)
        self._tidy_lists(scope)
        self._forget_tombstones(scope)
        if uploads:
            self._forget_places(scope)
        receipt = replace(receipt, mentions=self.forget(list(receipt.jobs)))
        log.info("purge.done", jobs=len(receipt.jobs), results=receipt.results, uploads=receipt.uploads)
        return receipt

    def _go_through(
        self, scope: Scope, records: list[JobRecord], unfinished: set[str], *, uploads: bool, delete: bool
    ) -> Receipt:
        place = scope.container if self.results_container == OWN_CONTAINER else self.results_container
        was_poisoned = not scope.job_id or any(record.poisoned for record in records)
        return Receipt(
            scope=scope,
            at=now(),
            is_done=delete,
            jobs=tuple(record.job.job_id for record in records),
            unfinished=tuple(sorted(unfinished)),
            # A job's message may wait anywhere in a long queue, and looking for it would keep all others from the
            # workers: the one that receives it meets the tombstone, and drops it.
            messages=0 if scope.job_id else _messages(self.queue.hold_waiting(), scope, delete=delete),
            poison_messages=_messages(self.queue.hold_poisoned(), scope, delete=delete) if was_poisoned else 0,
            uploads=self._blobs(scope.container, self._uploads(scope) if uploads else (), delete=delete),
            results=self._blobs(place, self._results(scope, place, unfinished), delete=delete),
        )

    def _records(self, scope: Scope) -> list[JobRecord]:
        listed = (job_id for _, job_id, _ in self.table.indexed(scope.container))
        ids = [scope.job_id] if scope.job_id else listed
        return [record for record in self.table.several(ids) if scope.covers(record.job)]

    def _ended(self, records: list[JobRecord], wait_s: float) -> tuple[list[JobRecord], set[str]]:
        """Cancel all; return the records of finished jobs, and the ids of those that did not end in time."""
        for record in records:
            with suppress(NotFound):
                self._end(record)
        deadline = time.monotonic() + wait_s
        while True:
            records = self.table.several(record.job.job_id for record in records)
            left = {record.job.job_id for record in records if not record.is_finished}
            if not left or time.monotonic() >= deadline:
                return [record for record in records if record.is_finished], left
            time.sleep(LOOK_S)

    def _end(self, record: JobRecord) -> None:
        while not record.is_finished:
            try:
                if record.state == "running" and record.held_by_another_s():
                    self.table.update(replace(record, cancel_requested=True))
                else:
                    # No worker holds it, though its message may be on its way.
                    self.table.update(record.cancelled(now()))
                return
            except RecordChanged:
                record = self.table.get(record.job.job_id)

    def _uploads(self, scope: Scope) -> Iterator[BlobInfo]:
        if scope.job_id:
            return
        if scope.blob is not None:
            with suppress(MediaNotFound):
                yield self.blobs.info(scope.container, scope.blob)
            return
        for blob in every_blob(self.blobs, scope.container):
            if not is_result(scope.container, blob.name, self.results_container):
                yield blob

    def _results(self, scope: Scope, place: str, unfinished: set[str]) -> Iterator[BlobInfo]:
        """List results by their names, so that those without a record are found as well."""
        before = OWN_FOLDER if self.results_container == OWN_CONTAINER else f"{scope.container}/"
        prefix = before if scope.blob is None else folder_of_upload(scope.container, scope.blob, self.results_container)
        # An upload `a/b` keeps its results below the folder of an upload `a`.
        own = re.compile(re.escape(prefix) + (r"(?:.*/)?" if scope.blob is None else "") + r"([0-9a-f]{32})/")
        for blob in every_blob(self.blobs, place, prefix):
            name = own.match(blob.name)
            if name and name[1] not in unfinished and scope.job_id in (None, name[1]):
                yield blob

    def _blobs(self, container: str, blobs: Iterable[BlobInfo], *, delete: bool) -> int:
        count = 0
        for blob in blobs:
            if delete:
                self.blobs.delete(container, blob.name, blob.etag)
            count += 1
        return count

    def _forget_studies(self, records: list[JobRecord]) -> None:
        """Take jobs out of their studies, and delete what was made of these: it holds their rows."""
        ids = [record.job.job_id for record in records]
        studies = {study for job_id in ids for study in self.table.studies.studies_of(job_id)}
        self._delete_made(studies)
        for job_id in ids:
            self.table.studies.forget(job_id)
        # What a worker stored meanwhile; one that stores it later finds the job gone.
        self._delete_made(studies)

    def _delete_made(self, studies: set[str]) -> None:
        container = container_of_studies(self.results_container)
        for study in studies:
            self._blobs(container, every_blob(self.blobs, container, folder_of(study)), delete=True)

    def _forget_tombstones(self, scope: Scope) -> None:
        """Delete what is known of jobs whose records were removed after their retention."""
        cursor, index = "", self.table.state_index
        while True:
            records, cursor = index.tombstones(cursor, 1000)
            for record in records:
                if scope.covers(record.job):
                    index.remove_tombstone(record)
            if not cursor:
                return

    def _forget_places(self, scope: Scope) -> None:
        folder = (scope.blob or "").partition("/")[0]
        if scope.blob is None or not any(every_blob(self.blobs, scope.container, f"{folder}/")):
            self.table.upload_places.forget(scope.container, folder or None)

    def _tidy_lists(self, scope: Scope) -> None:
        """Delete entries that an interrupted purge left in the lists."""
        for row, job_id, place in list(self.table.indexed(scope.container)):
            try:
                self.table.get(job_id)
            except Purged:
                self.table.unlist(place, row)
                self.table.state_index.remove(row)
            except NotFound:
                continue
        # A repeated submission that died leaves an open row of another time than its job's.
        for open_row in list(self.table.state_index.open_rows()):
            if str(open_row.get("place", "")).startswith(f"{scope.container}/"):
                self._drop_if_purged(open_row)

    def _drop_if_purged(self, open_row: Mapping[str, Any]) -> None:
        try:
            self.table.get(str(open_row["job_id"]))
        except Purged:
            self.table.state_index.drop(open_row)
        except NotFound:
            pass


def _messages(hold: HeldMessages, scope: Scope, *, delete: bool) -> int:
    count = 0
    with hold:
        for message in hold.messages():
            try:
                job = QueuedJob.decode(message.text).job
            except BadJob:
                continue
            if scope.covers(job):
                with suppress(MessageGone):
                    if delete:
                        hold.delete(message)
                    count += 1
    return count
