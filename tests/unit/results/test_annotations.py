"""Excluded stretches: by whom and when, and never ignored because they cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.errors import MalformedOutput
from service.jobs.result_place import ResultPlace
from service.results.annotations import (
    NAME,
    NO_ANNOTATIONS,
    Stretch,
    annotations_beside,
    parse,
    read_annotations,
    write_annotations,
)
from service.storage.folder import FolderBlobs

FIRST, LATER = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
PLACE = ResultPlace("results", "c/v.mp4/0123/", "v")


def test_a_stretch_keeps_its_author_when_others_are_added() -> None:
    one = Stretch(start_s=5, end_s=6, reason="hand")
    before = NO_ANNOTATIONS.replaced([one], "anna", FIRST)
    after = before.replaced([one, Stretch(start_s=1, end_s=2)], "ben", LATER)
    assert [(each.start_s, each.by, each.at) for each in after.excluded] == [(1, "ben", LATER), (5, "anna", FIRST)]
    assert after.spans == [(1, 2), (5, 6)]


def test_any_change_gives_another_digest_and_no_stretch_none() -> None:
    one = NO_ANNOTATIONS.replaced([Stretch(start_s=1, end_s=2)], "anna", FIRST)
    other = NO_ANNOTATIONS.replaced([Stretch(start_s=1, end_s=2, reason="blur")], "anna", FIRST)
    assert len({one.digest, other.digest, NO_ANNOTATIONS.digest}) == 3
    assert NO_ANNOTATIONS.digest == ""


@pytest.mark.parametrize(("start_s", "end_s"), [(2, 2), (3, 2), (-1, 2), (0, float("inf")), (float("nan"), 2)])
def test_a_stretch_without_length_or_end_is_refused(start_s: float, end_s: float) -> None:
    with pytest.raises(ValidationError):
        Stretch(start_s=start_s, end_s=end_s)


def test_annotations_are_read_as_they_were_written(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    assert read_annotations(blobs, PLACE) == NO_ANNOTATIONS
    made = NO_ANNOTATIONS.replaced([Stretch(start_s=1, end_s=2)], "anna", FIRST)
    write_annotations(blobs, PLACE, made)
    assert read_annotations(blobs, PLACE) == made
    assert annotations_beside(tmp_path / "results" / PLACE.folder / "v.csv") == made


@pytest.mark.parametrize("text", [b"", b"[]", b'{"excluded": [{"start_s": 1}]}', b'{"version": 2}'])
def test_annotations_that_cannot_be_read_are_an_error_and_not_empty(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(MalformedOutput):
        annotations_beside(tmp_path / "t.csv")
    with pytest.raises(MalformedOutput):
        parse(text)
