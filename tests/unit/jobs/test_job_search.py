"""A search shows each job once, in the first phase that finds it, and goes on where a page has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest

from service.errors import BadRequest
from service.jobs.job_search import REQUESTS, JobSearch, Position, Row
from service.jobs.text_index import TextIndex

PLACES = ("lab/cat.jpg", "cats/dog.jpg", "lab/deep/CAT2.jpg", "cats/cat.jpg", "lab/bobcat.jpg", "lab/dog.jpg")


@dataclass
class Lists:
    """Stand-in of all lists: each phase is given every row, as if its range were too wide."""

    places: tuple[str | None, ...] = PLACES
    asked: list[int] = field(default_factory=list)

    def rows(self, after: str) -> list[Row]:
        every = [
            {"PartitionKey": "in-cats,1", "RowKey": f"{number}", "job_id": f"j{number}", "place": place}
            for number, place in enumerate(self.places)
        ]
        known = [{key: value for key, value in row.items() if value is not None} for row in every]
        return [row for row in known if str(row["RowKey"]) > after]

    def beginning_with(self, text: str, after: str, size: int) -> Iterable[Row]:
        return self.rows(after)

    def rows_of_all(self, after: str, size: int) -> Iterable[Row]:
        return self.rows(after)

    def rows_between(self, first: str, beyond: str, after: tuple[str, str], size: int) -> Iterable[Row]:
        assert (first, beyond) == ("in-cat", "in-cat~")
        return self.rows(after[1])


def search(lists: Lists, text: str = "cat", *, looked_at: int = 99, size: int = 9) -> JobSearch:
    return JobSearch(lists, cast(TextIndex, lists), text, looked_at, size)


def test_names_come_before_containers_and_these_before_other_places() -> None:
    hits, end = search(Lists()).page(Position())
    assert [(hit.phase, hit.job_id) for hit in hits] == [
        ("names", "j0"),
        ("names", "j2"),
        ("names", "j3"),
        ("containers", "j1"),
        ("places", "j4"),
    ]
    assert end is None


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_any_size_show_each_job_once(size: int) -> None:
    found, position = [], Position()
    while True:
        hits, end = search(Lists(), size=size).page(position)
        assert len(hits) <= size
        found += [hit.job_id for hit in hits]
        if end is None:
            break
        position = Position.read(end.as_dict())
    assert found == ["j0", "j2", "j3", "j1", "j4"]


def test_a_row_without_a_place_is_left_to_its_record() -> None:
    hits, _ = search(Lists((None, "lab/dog.jpg"))).page(Position("places"))
    assert [hit.job_id for hit in hits] == ["j0"]


@pytest.mark.parametrize(("phase", "most"), [("places", 7), ("containers", 3 * REQUESTS), ("names", 3 * REQUESTS)])
def test_a_page_looks_at_a_bounded_number_of_rows(phase: str, most: int) -> None:
    numbers = tuple(f"lab/{number}" for number in range(9))
    lists = Lists(numbers if phase == "places" else numbers * REQUESTS)
    hits, end = search(lists, looked_at=7, size=2).page(Position(phase))  # type: ignore[arg-type]
    assert hits == []
    assert end
    assert (end.phase, end.row) == (phase, f"{most - 1}")


def test_a_text_that_no_container_has_searches_none() -> None:
    hits, _ = search(Lists(("cat_s/x.jpg", "lab/cat_s.jpg")), "cat_").page(Position())
    assert [(hit.phase, hit.job_id) for hit in hits] == [("names", "j1"), ("places", "j0")]


@pytest.mark.parametrize(
    "changes", [{"phase": "all"}, {"partition": "x' or 1"}, {"row": "A"}, {"row": "x" * 401}, {"phase": None}]
)
def test_a_cursor_that_no_page_gave_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        Position.read(Position().as_dict() | changes)
    with pytest.raises(BadRequest):
        Position.read({})
