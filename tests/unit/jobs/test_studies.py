"""Names of studies: which are valid, their containers, and the requests that name them."""

from __future__ import annotations

import pytest

from service.errors import BadRequest
from service.jobs.names import is_container_name
from service.jobs.studies import check_study, part_of, study_of
from service.jobs.study_place import StudyPlace
from service.jobs.study_request import StudyRequest
from service.jobs.upload_places import LONGEST_PART, container_of

NAMES = ["a", "pilot", "pilot-1", "pilot.1", "pilot_1", "20261231", "x" * 18, "x" * 19, "x" * 63, "0-", "spilot1"]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_makes_a_container_that_storage_allows_and_that_no_day_has(name: str) -> None:
    part = part_of(check_study(name))
    assert is_container_name(container_of("x" * 64, part))
    assert len(part) <= LONGEST_PART
    assert not part.isdigit()


def test_the_container_of_a_study_stays_that_of_earlier_releases() -> None:
    assert (part_of("pilot1"), part_of("pilot-1"), part_of("x" * 63)) == (
        "pilot1",
        "spilot198fc9aa2",
        "sxxxxxxxxx75220b47",
    )


def test_two_studies_never_share_a_container() -> None:
    assert len({part_of(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", ["", "Pilot", "ü", "a b", "-a", ".a", "a/b", "a\n", "x" * 64])
def test_other_names_are_refused_and_metadata_with_one_names_no_study(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check_study(name)
    assert refused.value.code == "bad_study"
    assert study_of({"study": name}) == ""


def test_metadata_names_a_study() -> None:
    assert study_of({"study": "pilot"}) == "pilot"
    assert study_of({}) == ""


@pytest.mark.parametrize("request_", [StudyRequest("pilot.1"), StudyRequest("x" * 63, "Lab_1.x-y")])
def test_a_request_is_read_as_it_was_written(request_: StudyRequest) -> None:
    assert StudyRequest.read(request_.text) == request_


@pytest.mark.parametrize("text", ["0" * 32, "study:", "study:A", "study:a:", "study:a:b:c", "study:a\n"])
def test_any_other_text_is_no_request(text: str) -> None:
    assert StudyRequest.read(text) is None


def test_each_key_has_a_place_of_its_own_that_is_not_the_place_of_all() -> None:
    keys = ["", "all", "a", "A", "a.b", "a-b"]
    folders = {StudyPlace.of("pilot", key, "results").folder for key in keys}
    assert len(folders) == len(keys)
    assert StudyPlace.of("pilot", "", "{container}").container == "study-results"
