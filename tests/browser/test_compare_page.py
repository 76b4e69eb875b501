"""Two videos on one time axis: values of both tables at one moment, by mouse and keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Analysed, Visit, looked_at


def test_two_jobs_share_one_axis(window: Visit, analysed: Analysed) -> None:
    page = window.goto(analysed.path)
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("Second job").fill(f"{window.watch.origin}{analysed.path}")
    page.get_by_role("button", name="Compare").click()
    slider = page.get_by_role("slider", name="Moment of both videos")
    for side in ("one", "other"):
        expect(page.locator(f"#{side}-values")).to_contain_text("AU12", timeout=30_000)
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    row = analysed.rows[9]
    for side in ("one", "other"):
        expect(page.locator(f"#{side}-title")).to_have_text("clip.mp4")
        expect(page.locator(f"#{side}-values")).to_have_text(f"AU12 {float(row['AU12_r']):.2f}")
    # A click in the second moves the scrubber of both.
    box = page.locator("#other-canvas").bounding_box()
    assert box
    page.mouse.click(box["x"] + 52 + (box["width"] - 60) / 2, box["y"] + 30)
    expect(slider).not_to_have_attribute("aria-valuenow", f"{float(row['timestamp']):.3f}")
    ends = float(analysed.rows[-1]["timestamp"])
    assert float(slider.get_attribute("aria-valuenow") or 0) == pytest.approx(ends / 2, abs=0.05)
    page.mouse.move(0, 0)
    expect(page.locator("#one-values")).to_have_text(page.locator("#other-values").inner_text())
    assert looked_at(page, "compare") == []


def test_a_job_without_a_series_is_named(window: Visit, analysed: Analysed) -> None:
    window.watch.expect("404")
    page = window.goto(f"/page/compare?one={analysed.path[-32:]}&other={'0' * 32}")
    expect(page.get_by_role("alert").filter(has_text="There is no job")).to_be_visible()
    expect(page.locator("#compared")).to_be_hidden()
