"""Excluded stretches on a video's page: marked by mouse and keyboard, honoured by the summary, never in the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import Analysed, GuardedSite, Visit, looked_at
from tests.browser.test_viewer_page import go_to

GUTTER, EDGE = 52, 8
"""Left and right of the timeline's lanes, in pixels."""


@pytest.fixture
def page(window: Visit, analysed: Analysed) -> Iterator[Page]:
    """A video's page, from which all stretches are removed afterwards."""
    page = window.goto(analysed.path)
    expect(page.locator("#viewer-time")).to_contain_text("frame 1", timeout=30_000)
    yield page
    page.request.put(f"{window.watch.origin}{annotations(analysed)}", data={"excluded": []})


def annotations(analysed: Analysed) -> str:
    return f"{analysed.path.removeprefix('/page')}/annotations"


def test_a_dragged_stretch_is_left_out_of_the_summary(page: Page, site: LocalStack, analysed: Analysed) -> None:
    page.get_by_role("button", name="Mark a stretch").click()
    canvas = page.locator("#timeline-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    ends = float(analysed.rows[-1]["timestamp"])

    def x(seconds: float) -> float:
        return box["x"] + GUTTER + seconds / ends * (box["width"] - GUTTER - EDGE)

    page.mouse.move(x(0.4), box["y"] + 100)
    page.mouse.down()
    page.mouse.move(x(0.6), box["y"] + 100)
    page.mouse.move(x(0.8), box["y"] + 100)
    page.mouse.up()
    assert float(page.get_by_label("From, in seconds").input_value()) == pytest.approx(0.4, abs=0.01)
    assert float(page.get_by_label("To, in seconds").input_value()) == pytest.approx(0.8, abs=0.01)
    # Two clicks choose as well.
    page.mouse.click(x(1.0), box["y"] + 100)
    expect(page.get_by_label("To, in seconds")).to_have_value("")
    page.mouse.click(x(0.5), box["y"] + 100)
    page.get_by_label("Reason").fill("<b>a hand</b>")
    assert looked_at(page, "job-marking") == []
    page.get_by_role("button", name="Exclude", exact=True).click()

    item = page.locator("#excluded li")
    expect(item).to_have_count(1)
    expect(item).to_contain_text("<b>a hand</b>")
    expect(item).to_contain_text("anonymous")
    expect(item.locator("time")).to_be_visible()
    [kept] = json.loads(page.request.get(f"{site.service_url}{annotations(analysed)}").text())["excluded"]
    assert (kept["start_s"], kept["end_s"]) == (pytest.approx(0.5, abs=0.01), pytest.approx(1.0, abs=0.01))
    inside = [row for row in analysed.rows if kept["start_s"] <= float(row["timestamp"]) < kept["end_s"]]
    job = analysed.path.removeprefix("/page")
    summary = json.loads(page.request.get(f"{site.service_url}{job}/summary.json").text())
    assert summary["rows"]["excluded"] == len(inside) > 10

    item.get_by_title("Go there").click()
    expect(page.locator("#viewer-confidence")).to_contain_text("excluded")
    assert looked_at(page, "job-excluded") == []


def test_by_keyboard_alone(page: Page, analysed: Analysed) -> None:
    slider = page.get_by_role("slider", name="Moment of the video")
    go_to(page, 4)
    slider.press("Tab")
    expect(page.locator("#mark")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#mark-from-here").press("Enter")
    page.locator("#mark-to-here").press("Enter")
    page.locator("#mark-reason").press("Enter")
    expect(page.locator("#excluded li")).to_have_count(1)
    expect(page.locator("#mark")).to_be_focused()
    # Just this frame is excluded.
    for frame, note in ((3, ""), (4, ", excluded"), (5, "")):
        go_to(page, frame)
        confidence = f"{float(analysed.rows[frame - 1]['confidence']):.2f}"

        expect(page.locator("#viewer-confidence")).to_have_text(f"{confidence}{note}")
    page.get_by_role("button", name="Remove").press("Enter")
    expect(page.locator("#excluded li")).to_have_count(0)
    expect(page.locator("#mark")).to_be_focused()


def test_a_key_that_only_reads_sees_and_does_not_mark(
    visit: Callable[..., Visit], site: LocalStack, guarded_site: GuardedSite, analysed: Analysed
) -> None:
    reader = visit(guarded_site.url)
    reader.watch.expect("40[13]")
    stretch = {"start_s": 0.1, "end_s": 0.2, "reason": "a hand"}
    put = reader.context.request.put
    own = {"X-API-Key": guarded_site.key}
    refused = put(
        f"{guarded_site.url}{annotations(analysed)}", data={"excluded": []}, headers={"X-API-Key": guarded_site.reader}
    )
    assert refused.status == 403
    put(f"{guarded_site.url}{annotations(analysed)}", data={"excluded": [stretch]}, headers=own)
    page = reader.goto(analysed.path)
    page.get_by_label("API key").fill(guarded_site.reader)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#excluded li")).to_contain_text("visitor")
    expect(page.locator("#mark-needs")).to_be_visible()
    expect(page.get_by_role("button", name="Mark a stretch")).to_be_hidden()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    put(f"{guarded_site.url}{annotations(analysed)}", data={"excluded": []}, headers=own)
