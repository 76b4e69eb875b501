"""A study's report: its numbers, and no markup of names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from service.results.study.overview import StudyOverview
from service.results.study.page import page
from tests.unit.results.study.conftest import FRAMES, added


def test_a_report_shows_numbers_and_no_markup_of_names(video: Path) -> None:
    distribution = added(video)
    overview = StudyOverview(
        at=datetime.now(UTC),
        states={"succeeded": 1, "failed": 1},
        results=1,
        rows=FRAMES,
        quality=distribution.quality(),
        failures=[{"code": "unreadable_media", "count": 1, "files": ["<script>alert(1)</script>.jpg"]}],
        unreadable=[],
        units=distribution.units(),
    )
    html = page("pilot", overview)
    assert "75 % of 120" in html
    assert "1, 1.0 s together" in html
    assert "mean 1.33, sd 0.00" in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html
