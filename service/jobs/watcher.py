"""Watch jobs for many followers: one thread of a process reads their records, however many follow them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import StorageUnavailable
from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord
from service.logs import log

ROUND_S = 0.4
"""Least time between two looks at the same record; a change is noticed so much later at most."""
READS_A_SECOND = 100
"""Most records that one process reads in a second; with more jobs than that, a round takes longer."""


@dataclass
class _Watched:
    """A job that is followed.

    Attributes:
        record: as it was last read; None when it is there no more.
    """

    record: JobRecord | None
    followers: int = 0


class JobWatcher:
    """Reads each followed record once a round, and wakes the followers when any of them has changed."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._watched: dict[str, _Watched] = {}
        self._changed = threading.Condition()
        self._is_running = False

    @contextmanager
    def following(self, records: Sequence[JobRecord]) -> Iterator[Following]:
        """Follow jobs from these records on, until the block ends."""
        known = {record.job.job_id: record for record in records}
        with self._changed:
            for job_id, record in known.items():
                watched = self._watched.setdefault(job_id, _Watched(record))
                watched.followers += 1
                if watched.record is None or watched.record.version != record.version:
                    # It was read just now; the reader would find nothing new in it to wake the others for.
                    watched.record = record
                    self._changed.notify_all()
            self._start()
        try:
            yield Following(self._changed, self._watched, known)
        finally:
            self._leave(known)

    def _leave(self, job_ids: Iterable[str]) -> None:
        with self._changed:
            for job_id in job_ids:
                watched = self._watched[job_id]
                watched.followers -= 1
                if not watched.followers:
                    del self._watched[job_id]

    def _start(self) -> None:
        """Start the thread that reads, where none runs; it ends when no job is followed."""
        if self._watched and not self._is_running:
            self._is_running = True
            threading.Thread(target=self._run, name="job-watcher", daemon=True).start()

    def _run(self) -> None:
        while job_ids := self._wanted():
            time.sleep(max(ROUND_S, len(job_ids) / READS_A_SECOND))
            try:
                self._look(job_ids)
            except StorageUnavailable as error:
                log.warning("watcher.storage_away", jobs=len(job_ids), error=error.message)
            except Exception:
                # The followers would wait for a thread that has ended.
                log.exception("watcher.unexpected_error")

    def _wanted(self) -> list[str]:
        with self._changed:
            job_ids = [job_id for job_id, one in self._watched.items() if one.record and not one.record.is_finished]
            self._is_running = bool(job_ids)
            return job_ids

    def _look(self, job_ids: list[str]) -> None:
        found = {record.job.job_id: record for record in self._table.several(job_ids)}
        with self._changed:
            is_new = False
            for job_id in job_ids:
                watched, record = self._watched.get(job_id), found.get(job_id)
                if watched and (record is None or watched.record is None or record.version != watched.record.version):
                    watched.record = record
                    is_new = True
            if is_new:
                self._changed.notify_all()


class Following:
    """One follower of some jobs; made by `JobWatcher.following`."""

    def __init__(self, changed: threading.Condition, watched: dict[str, _Watched], known: dict[str, JobRecord]) -> None:
        self._changed = changed
        self._watched = watched
        self._known = known.copy()
        self._gone: set[str] = set()

    @property
    def records(self) -> list[JobRecord]:
        """The records as last seen, in the order in which they were given."""
        return list(self._known.values())

    @property
    def is_over(self) -> bool:
        """Whether none of the jobs can change any more: each has finished, or its record was deleted."""
        return all(record.is_finished or job_id in self._gone for job_id, record in self._known.items())

    def wait(self, seconds: float) -> bool:
        """Wait for a change of these jobs; False when there was none in this time."""
        with self._changed:
            return self._changed.wait_for(self._has_news, max(seconds, 0.0))

    def _has_news(self) -> bool:
        before = dict(self._known), len(self._gone)
        for job_id in before[0]:
            record = self._watched[job_id].record
            if record is None:
                self._gone.add(job_id)
            else:
                self._known[job_id] = record
        return self._versions(before[0]) != self._versions(self._known) or len(self._gone) != before[1]

    @staticmethod
    def _versions(records: dict[str, JobRecord]) -> list[str]:
        return [record.version for record in records.values()]
