"""Requests of `/galleries`: names without control characters, moments ahead, distances that can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.web.identity.models import FacePath, GalleryPath, Moment, Name, PersonPath, SearchQuery

AHEAD = datetime.now(UTC) + timedelta(days=1)


def test_a_moment_ahead_is_taken_and_is_in_utc_without_a_zone() -> None:
    parse = TypeAdapter(Moment).validate_python
    assert parse(AHEAD) == AHEAD
    assert parse(AHEAD.replace(tzinfo=None)) == AHEAD
    for past in (datetime.now(UTC) - timedelta(seconds=1), datetime(2020, 1, 1)):
        with pytest.raises(ValidationError, match="in the past"):
            parse(past)


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "\x7f", "x" * 201])
def test_a_name_that_could_steer_a_terminal_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)
    assert TypeAdapter(Name).validate_python("Ünï 表") == "Ünï 表"


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (GalleryPath, {"gallery": "../x"}),
        (GalleryPath, {"gallery": "-x"}),
        (GalleryPath, {"gallery": "x" * 65}),
        (PersonPath, {"gallery": "x", "person_id": "A" * 32}),
        (PersonPath, {"gallery": "x", "person_id": "a" * 32 + "\n"}),
        (FacePath, {"gallery": "x", "face_token": "a" * 23}),
        (SearchQuery, {"threshold": 0}),
        (SearchQuery, {"threshold": 2.1}),
        (SearchQuery, {"threshold": "nan"}),
        (SearchQuery, {"limit": 0}),
        (SearchQuery, {"limit": 10_001}),
    ],
)
def test_what_can_name_nothing_is_refused(model: type[BaseModel], fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(fields)
