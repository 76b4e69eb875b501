"""What a study keeps: the overview that was made last, and the request that may still be worked on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from service.jobs.record import now
from service.jobs.study_place import StudyPlace
from service.results.study.overview import SILENT_AFTER, CurrentStudy, Making, StudyOverview, StudyQuality
from service.storage.folder import FolderBlobs

PLACE = StudyPlace.of("pilot", "", "results")
QUALITY = StudyQuality(
    videos=0,
    pictures=0,
    frames=0,
    frames_with_face=0,
    frames_used=0,
    pictures_with_face=0,
    confidence=None,
    gaps=0,
    gaps_s=0.0,
    partial=0,
)


def test_an_overview_is_found_as_it_was_kept(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    assert CurrentStudy.find(blobs, PLACE) is None
    overview = StudyOverview(
        at=now(), states={"succeeded": 1}, results=1, rows=2, quality=QUALITY, failures=[], unreadable=[], units=[]
    )
    made = CurrentStudy(made="0123", overview=overview)
    made.keep(blobs, PLACE)
    assert CurrentStudy.find(blobs, PLACE) == made
    # Of one key alone nothing was made.
    assert CurrentStudy.find(blobs, StudyPlace.of("pilot", "anna", "results")) is None


@pytest.mark.parametrize("text", [b"", b"{}", b'{"made": "0123", "overview": {"at": "2026-01-02T00:00:00Z"}}'])
def test_an_overview_of_another_release_is_none(tmp_path: Path, text: bytes) -> None:
    blobs = FolderBlobs(tmp_path)
    blobs.upload(PLACE.container, PLACE.current, text, content_type="application/json")
    assert CurrentStudy.find(blobs, PLACE) is None


def test_a_request_is_alive_until_it_fails_or_is_silent_for_long(tmp_path: Path) -> None:
    asked = Making.asked_now()
    assert asked.is_alive and asked.done is None
    assert not asked.model_copy(update={"failed": "no room"}).is_alive
    assert asked.model_copy(update={"at": now() - SILENT_AFTER + timedelta(seconds=5)}).is_alive
    assert not asked.model_copy(update={"at": now() - SILENT_AFTER - timedelta(seconds=1)}).is_alive
    blobs = FolderBlobs(tmp_path)
    asked.keep(blobs, PLACE)
    assert Making.find(blobs, PLACE) == asked
