"""Reports as files in Chromium: accessible in both themes and at phone size, one time axis that can be stretched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from service.results.report.files import REPORT
from service.results.report.make import ReportMaker, ReportRequest
from tests.browser.conftest import looked_at
from tests.fixtures.media_made import clip
from tests.fixtures.results_made import RATE, manifest_of, write_table

SECONDS = 60


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report of a minute of video."""
    folder = tmp_path_factory.mktemp("report")
    table = write_table(folder / "clip.csv", SECONDS * RATE)
    upload = folder / "upload"
    upload.write_bytes(clip(SECONDS * RATE, rate=RATE))
    with closing(ReportMaker([folder])) as maker:
        made = maker.make(ReportRequest(table, manifest_of(table, SECONDS * RATE), upload))
    (folder / REPORT).write_bytes(made[REPORT])
    return folder / REPORT


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    # axe is put into the page, whose own policy forbids every script.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(report.as_uri())
    yield page
    context.close()


def test_a_report_is_accessible_in_both_themes_and_fits_a_phone(page: Page) -> None:
    assert looked_at(page, "report") == []


def test_all_lanes_share_one_time_axis_that_is_stretched_by_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 1200, "height": 900})

    def widths() -> set[int]:
        boxes = [lane.bounding_box() for lane in page.locator(".lane .chart svg").all()]
        return {round(box["width"]) for box in boxes if box}

    [whole] = widths()
    assert page.locator(".lane").count() > 20
    page.locator("#zoom-1").focus()
    page.keyboard.press("ArrowRight")
    [stretched] = widths()
    assert stretched == pytest.approx(4 * whole, rel=0.01)
    # Only the lanes scroll; the heading of a lane stays in view.
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    page.evaluate("document.querySelector('.timeline').scrollLeft = 2000")
    heading = page.locator(".lane figcaption").first.bounding_box()
    assert heading
    assert 0 <= heading["x"] < 1200


def test_the_smile_is_drawn_where_the_table_has_it(page: Page) -> None:
    """The band of AU12's presence spans frames 60 to 149, which is 59/30 s to 149/30 s."""
    lane = page.locator(".lane", has_text="AU12 ")
    box = lane.locator("svg").bounding_box()
    band = lane.locator(".band").bounding_box()
    assert box
    assert band
    start, end = ((edge - box["x"]) / box["width"] * SECONDS for edge in (band["x"], band["x"] + band["width"]))
    assert (start, end) == (pytest.approx(59 / RATE, abs=0.1), pytest.approx(149 / RATE, abs=0.1))
