"""Read a study page by page: its counts, and its jobs; nothing reads all records of a study at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from service.jobs.job_table import JobTable
from service.jobs.record import JobRecord, State
from service.jobs.studies import Member

COUNTED_AT_ONCE = 2000
"""Rows that one request counts at most…"""
READ_AT_ONCE = 200
"""…and records of unfinished jobs that it reads for that."""


@dataclass(frozen=True)
class StudyCounts:
    """Jobs of a part of a study by state; `after` is the row to go on after, empty at the end."""

    states: dict[str, int]
    after: str


class StudyPages:
    """Reads the studies of one job table.

    Args:
        key_name: only jobs of this API key; empty for all.
    """

    def __init__(self, table: JobTable, key_name: str = "") -> None:
        self._table = table
        self._key_name = key_name

    def counts(self, study: str, after: str = "") -> StudyCounts:
        """Count some jobs of a study, by state."""
        states: Counter[str] = Counter()
        looked_at = read = 0
        while looked_at < COUNTED_AT_ONCE and read < READ_AT_ONCE:
            members, after = self._table.studies.members(study, after, READ_AT_ONCE, key_name=self._key_name)
            states.update(member.state for member in members if member.state)
            unsure = [member for member in members if not member.state]
            states.update(record.state for _, record in self._read(study, unsure))
            looked_at, read = looked_at + len(members), read + len(unsure)
            if not after:
                break
        return StudyCounts(dict(states), after)

    def jobs(
        self, study: str, after: str = "", size: int = 50, state: State | None = None
    ) -> tuple[list[tuple[Member, JobRecord]], str]:
        """Return some jobs of a study with their rows, newest first, and the row to go on after; empty at the end.

        A page may be short or empty although more follow.
        """
        members, after = self._table.studies.members(study, after, size, state=state or "", key_name=self._key_name)
        found = self._read(study, members)
        return [(member, record) for member, record in found if state in (None, record.state)], after

    def all_jobs(self, study: str) -> Iterator[tuple[Member, JobRecord]]:
        """Yield all jobs of a study, newest first, those included for which a later generation stands."""
        after = ""
        while True:
            members, after = self._table.studies.members(
                study, after, READ_AT_ONCE, key_name=self._key_name, with_replaced=True
            )
            yield from self._read(study, members)
            if not after:
                return

    def _read(self, study: str, members: list[Member]) -> list[tuple[Member, JobRecord]]:
        """Read the records of rows, and note the states of jobs that have finished."""
        of_job = {member.job_id: member for member in members}
        found = [(of_job[record.job.job_id], record) for record in self._table.several(of_job)]
        for member, record in found:
            if record.is_finished and member.state != record.state:
                self._table.studies.note(study, member, record.state)
        return found
