"""Search jobs by text: first names of files that begin with it, then containers that do, then every other place.

The first two are ranges of an index, whatever the number of jobs. The last looks through the list of all jobs, newest
first. Each phase looks at a limited number of rows a page, which may then be short or empty although more follow. A
page may go from one phase to the next; none shows a job twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, get_args

from service.errors import BadRequest
from service.jobs.table_rows import of_container, plain
from service.jobs.text_index import TextIndex, name_of

Phase = Literal["names", "containers", "places"]
PHASES: tuple[Phase, ...] = get_args(Phase)
REQUESTS = 5
"""Most requests of a page in one phase, beside the records."""
Row = Mapping[str, Any]

_PART_OF_CONTAINER = re.compile(r"[a-z0-9-]{1,63}")
_PARTITION = re.compile(r"(in-[a-z0-9-]{3,63},\d{0,11})?")
_ROW = re.compile(r"[a-z0-9._() =,-]{0,400}")


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last row that was looked at, and the partition where rows are not unique."""

    phase: Phase = "names"
    partition: str = ""
    row: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Position:
        """Read the position of a cursor. Raises BadRequest."""
        try:
            found = cls(values["phase"], str(values["partition"]), str(values["row"]))
        except (KeyError, TypeError) as error:
            raise _bad_cursor() from error
        if found.phase not in PHASES or not _PARTITION.fullmatch(found.partition) or not _ROW.fullmatch(found.row):
            raise _bad_cursor()
        return found

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Hit:
    """A job that was found in a phase."""

    phase: Phase
    job_id: str


class Lists(Protocol):
    """The lists of a job table, as a search reads them."""

    def rows_of_all(self, after: str, size: int) -> Iterable[Row]: ...

    def rows_between(self, first: str, beyond: str, after: tuple[str, str], size: int) -> Iterable[Row]: ...


@dataclass(frozen=True)
class JobSearch:
    """One search.

    Attributes:
        text: folded, not empty.
        looked_at: most rows of the last phase that one page looks at.
        size: most jobs of a page.
    """

    lists: Lists
    texts: TextIndex
    text: str
    looked_at: int
    size: int

    def page(self, start: Position) -> tuple[list[Hit], Position | None]:
        """Return the next jobs that may be meant, and where to go on; None at the end."""
        hits: list[Hit] = []
        position = start
        for phase in PHASES[PHASES.index(start.phase) :]:
            position = position if position.phase == phase else Position(phase)
            for looked_at, row in enumerate(self._rows(position)):
                if len(hits) == self.size or looked_at == self._most(phase):
                    return hits, position
                position = replace(position, row=str(row["RowKey"]), partition=_partition(phase, row))
                # A row of an early release has no place: its record has.
                if "place" not in row or self.is_of(phase, str(row["place"])):
                    hits.append(Hit(phase, str(row["job_id"])))
        return hits, None

    def is_of(self, phase: Phase, place: str) -> bool:
        """Return whether a job is found in this phase and in none before."""
        place = plain(place)
        if name_of(place).startswith(self.text):
            return phase == "names"
        if place.startswith(self.text) and _PART_OF_CONTAINER.fullmatch(self.text):
            return phase == "containers"
        return phase == "places" and self.text in place

    def _most(self, phase: Phase) -> int:
        """Return the most rows that one page looks at in a phase: five requests."""
        return self.looked_at if phase == "places" else REQUESTS * (self.size + 1)

    def _rows(self, position: Position) -> Iterator[Row]:
        if position.phase == "names":
            yield from self.texts.beginning_with(self.text, position.row, self.size + 1)
        elif position.phase == "places":
            yield from self.lists.rows_of_all(position.row, 1000)
        elif _PART_OF_CONTAINER.fullmatch(self.text):
            first, after = of_container(self.text), (position.partition, position.row)
            yield from self.lists.rows_between(first, f"{first}~", after, self.size + 1)


def _partition(phase: Phase, row: Row) -> str:
    return str(row["PartitionKey"]) if phase == "containers" else ""


def _bad_cursor() -> BadRequest:
    return BadRequest("the cursor is not one that a list of jobs gave", "bad_cursor")
