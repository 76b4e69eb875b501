"""Names of the containers that pages and clients upload into."""

from __future__ import annotations

import re

import pytest

from service.jobs.names import file_name, is_container_name
from service.jobs.upload_places import LONGEST_PART, container_of, owner_slug


@pytest.mark.parametrize("owner", ["lab", "a", "Lab", "a.b_c-", "x" * 64, "anonymous", "A" + "_" * 63])
@pytest.mark.parametrize("part", ["20261231", "s" * LONGEST_PART])
def test_every_key_and_day_make_a_container_that_storage_allows(owner: str, part: str) -> None:
    name = container_of(owner, part)
    assert is_container_name(name)
    assert re.fullmatch(rf"uploads-.+-{part}", name)


def test_two_keys_never_share_a_container() -> None:
    names = ["lab", "Lab", "LAB", "l-ab", "l.ab", "l_ab", "lab-", "x" * 63, "x" * 64, "x" * 63 + "y"]
    assert len({owner_slug(name) for name in names}) == len(names)
    # The last part has no hyphen: the rest is one owner.
    assert container_of("a-b", "20261231") != container_of("a", "b20261231")


def test_people_read_the_name_of_the_file() -> None:
    digest = "0123456789abcdef" * 4
    assert file_name(f"{digest}/photo.jpg") == "photo.jpg"
    assert file_name("takes/photo.jpg") == "takes/photo.jpg"
    assert file_name(f"{digest}/") == f"{digest}/"
