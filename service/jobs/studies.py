"""Studies: names under which jobs stand, as rows of the job table.

A *member* row a job and study lists a study's jobs, newest first; its key is that of the other lists. The job's state
is noted in it once the job has finished, so that counting reads no records of finished jobs. A row by the job's id
finds the studies of a job, and a row by the study's name lists the studies: of all callers, and of each key.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from azure.data.tables import TableClient, UpdateMode

from service.errors import BadRequest, NotFound
from service.jobs.index_mark import REPEATABLE
from service.jobs.record import JobRecord
from service.jobs.table_rows import partition, place_of, row_of_record
from service.storage.account import translated

ROW_PATTERN = r"^\d{14}-[0-9a-f]{32}$"
"""Pattern of the keys of member rows."""
METADATA = "study"
"""Metadata of an upload: the study's name, written with the upload itself."""
LONGEST_NAME = 63
NAME_PATTERN = rf"^[a-z0-9][a-z0-9._-]{{0,{LONGEST_NAME - 1}}}$"
ALL = "studies"
"""Partition of the list of studies…"""
OF_KEY = "studies,"
"""…and the beginning of that of one key's."""

_PART = re.compile(r"(?=.*[a-z])[a-z0-9]{1,18}")
_MARK_DIGITS = 8


@dataclass(frozen=True)
class Member:
    """A job in a study.

    Attributes:
        row: key of its row, by which pages go on.
        state: of the finished job; empty while it was not finished when last looked at.
        poster: the attempt beside whose artefacts a poster lies; empty for none.
        replaced: a later generation stands for the job.
    """

    row: str
    job_id: str
    state: str
    poster: str = ""
    replaced: bool = False


def check_study(name: str) -> str:
    """Return the name, if it can be a study's. Raises BadRequest."""
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise BadRequest(
            f"{name[:80]!r} cannot be a study: 1 to {LONGEST_NAME} of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit",
            "bad_study",
        )
    return name


def study_of(metadata: Mapping[str, str]) -> str:
    """Return the study that an upload's metadata names; empty for none, and for a name that none can have."""
    with suppress(BadRequest):
        return check_study(metadata.get(METADATA, ""))
    return ""


def part_of(study: str) -> str:
    """Return a study's part of the name of a container of uploads; no day has the same one, and no other study."""
    if _PART.fullmatch(study):
        return study
    mark = hashlib.sha256(study.encode()).hexdigest()[:_MARK_DIGITS]
    return f"s{re.sub('[^a-z0-9]', '', study)[:9]}{mark}"


class StudyIndex:
    """Reads and writes the rows of one job table."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def join(self, record: JobRecord, study: str) -> None:
        """Put a job into a study, which `enlist` names afterwards; harmless to repeat."""
        row = row_of_record(record)
        member = {
            "PartitionKey": partition(_listing(study), row),
            "RowKey": row,
            "job_id": record.job.job_id,
            "place": place_of(record),
            "key_name": record.key_name,
            "state": record.state if record.is_finished else "",
            "replaced": False,
        }
        # The reverse row first: a purge finds every member by it.
        reverse = {"PartitionKey": _of_job(record.job.job_id), "RowKey": study, "member": row}
        with translated("putting a job into a study"):
            for entity in (reverse, member):
                self._table.upsert_entity(entity, mode=UpdateMode.MERGE, **REPEATABLE)

    def studies_of(self, job_id: str) -> list[str]:
        """List the studies of a job."""
        with translated("looking for a job's studies"):
            return [study for study, _ in self._rows_of(job_id)]

    def replace(self, job_id: str) -> None:
        """Note that a later generation stands for this job in its studies."""
        with translated("noting a job's next generation"):
            for study, row in list(self._rows_of(job_id)):
                self._merge(study, row, {"replaced": True})

    def note(self, study: str, member: Member, state: str) -> None:
        """Note the state of a finished job in its row; one that is gone meanwhile stays gone."""
        with translated("noting a job's state in a study"):
            self._merge(study, member.row, {"state": state})

    def note_poster(self, study: str, member: Member, attempt: str) -> None:
        """Note that a poster lies beside the artefacts of an attempt."""
        with translated("noting a poster in a study"):
            self._merge(study, member.row, {"poster": attempt})

    def forget(self, job_id: str) -> list[str]:
        """Take a job out of all its studies, and return their names; harmless to repeat."""
        with translated("taking a job out of its studies"):
            found = list(self._rows_of(job_id))
            for study, row in found:
                # The reverse row last, so that an interrupted deletion can be repeated.
                self._delete(partition(_listing(study), row), row)
                self._delete(_of_job(job_id), study)
                self._forgotten(study)
        return [study for study, _ in found]

    def members(
        self,
        study: str,
        after: str,
        size: int,
        *,
        state: str = "",
        key_name: str = "",
        with_replaced: bool = False,
    ) -> tuple[list[Member], str]:
        """Return some jobs of a study, newest first, and the row to go on after; empty at the end.

        Args:
            state: only jobs of this state, and those whose state is not noted.
            key_name: only jobs of this API key; empty for all.
            with_replaced: also jobs for which a later generation stands.
        """
        listing = _listing(study)
        parameters: dict[str, Any] = {"first": partition(listing, after), "beyond": f"{listing}-", "after": after}
        query = "PartitionKey ge @first and PartitionKey lt @beyond and RowKey gt @after"
        if not with_replaced:
            query += " and replaced eq false"
        if key_name:
            query, parameters["key"] = f"{query} and key_name eq @key", key_name
        if state:
            # The SDK takes a bracket that follows a parameter for a part of its name.
            query, parameters["state"] = f"{query} and ( state eq @state or state eq '' )", state
        rows = self._table.query_entities(query, parameters=parameters, results_per_page=min(size, 1000))
        with translated("listing a study"):
            found = [_member(row) for row in islice(rows, size)]
        return found, found[-1].row if len(found) == size else ""

    def names(self, after: str, size: int, key_name: str = "") -> list[str]:
        """List names of studies in order, after one of them.

        Args:
            key_name: only studies with jobs of this API key; empty for all.
        """
        rows = self._table.query_entities(
            "PartitionKey eq @list and RowKey gt @after",
            parameters={"list": f"{OF_KEY}{key_name}" if key_name else ALL, "after": after},
            results_per_page=min(size, 1000),
        )
        with translated("listing studies"):
            return [str(row["RowKey"]) for row in islice(rows, size)]

    def exists(self, study: str, key_name: str = "") -> bool:
        """Return whether a study has jobs, of this API key where one is given."""
        with suppress(NotFound), translated("looking for a study", missing=NotFound()):
            self._table.get_entity(f"{OF_KEY}{key_name}" if key_name else ALL, study)
            return True
        return bool(self.members(study, "", 1, key_name=key_name)[0])

    def enlist(self, study: str, key_name: str) -> None:
        """Put a study into the lists of all and of an API key; harmless to repeat."""
        with translated("listing a study"):
            for listing in {ALL, f"{OF_KEY}{key_name}" if key_name else ALL}:
                entity = {"PartitionKey": listing, "RowKey": study}
                self._table.upsert_entity(entity, mode=UpdateMode.MERGE, **REPEATABLE)

    def mark(self, study: str) -> str:
        """Return a text that changes whenever a job is taken out of a study; empty for a study that is not listed."""
        with suppress(NotFound), translated("looking for a study", missing=NotFound()):
            return f"{self._table.get_entity(ALL, study).get('mark', 'whole')}"
        return ""

    def _forgotten(self, study: str) -> None:
        if not self.members(study, "", 1, with_replaced=True)[0]:
            self._unlist(study)
            return
        entity = {"PartitionKey": ALL, "RowKey": study, "mark": uuid.uuid4().hex}
        self._table.upsert_entity(entity, mode=UpdateMode.MERGE, **REPEATABLE)

    def _unlist(self, study: str) -> None:
        """Take a study without jobs out of the lists."""
        rows = self._table.query_entities(
            "PartitionKey ge @first and PartitionKey lt @beyond and RowKey eq @study",
            parameters={"first": ALL, "beyond": f"{ALL}-", "study": study},
        )
        for row in list(rows):
            self._delete(str(row["PartitionKey"]), study)

    def _rows_of(self, job_id: str) -> Iterator[tuple[str, str]]:
        rows: Iterable[Mapping[str, Any]] = self._table.query_entities(
            "PartitionKey eq @job", parameters={"job": _of_job(job_id)}
        )
        for row in rows:
            yield str(row["RowKey"]), str(row["member"])

    def _merge(self, study: str, row: str, properties: Mapping[str, Any]) -> None:
        entity = {"PartitionKey": partition(_listing(study), row), "RowKey": row, **properties}
        with suppress(NotFound), translated("writing a study's row", missing=NotFound()):
            self._table.update_entity(entity, mode=UpdateMode.MERGE, **REPEATABLE)

    def _delete(self, key: str, row: str) -> None:
        with suppress(NotFound), translated("deleting a study's row", missing=NotFound()):
            self._table.delete_entity(key, row)


def _listing(study: str) -> str:
    return f"st-{study}"


def _of_job(job_id: str) -> str:
    return f"sj-{job_id}"


def _member(row: Mapping[str, Any]) -> Member:
    poster = str(row.get("poster", ""))
    return Member(str(row["RowKey"]), str(row["job_id"]), str(row["state"]), poster, bool(row["replaced"]))
