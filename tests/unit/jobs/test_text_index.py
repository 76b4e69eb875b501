"""Keys of the text index: a beginning of a name is a beginning of its key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.jobs.job_search import Position
from service.jobs.table_rows import plain
from service.jobs.text_index import BEYOND, key_of, name_of

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(NAMES, st.integers(1, 40))
def test_a_beginning_is_found_in_a_range_of_keys(name: str, length: int) -> None:
    name = plain(name)
    beginning, key = name[:length], key_of(name)
    assert key_of(beginning) <= key < key_of(beginning) + BEYOND
    assert re.fullmatch(r"[a-z0-9._() =-]+", key)


def test_a_job_is_found_by_its_files_name() -> None:
    assert name_of("box/Folder/Ü Photo.JPG") == "ü photo.jpg"
    assert name_of(f"box/{'a' * 64}/photo.jpg") == "photo.jpg"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"phase": "other", "partition": "", "row": ""},
        {"phase": "names", "partition": "", "row": "a/b"},
        {"phase": "containers", "partition": "is-open,1", "row": ""},
        {"phase": ["names"], "partition": "", "row": ""},
    ],
)
def test_a_made_up_position_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        Position.read(values)
