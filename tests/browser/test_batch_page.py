"""*Analyse a folder* and the study that it becomes: from the folder to the collected table."""

from __future__ import annotations

import csv
import io
import json
import re
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import FRAMES, PHONE, Visit, looked_at, violations
from tests.browser.test_files_page import tab_to
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import jpeg

PATH = "/page/batch"
DONE_MS = 90_000


@pytest.fixture
def folder(tmp_path: Path, clip: Path) -> Path:
    """Four portraits and a clip that can be analysed; a cut picture, an empty one, and a text that cannot."""
    room = tmp_path / "recordings"
    (room / "second day").mkdir(parents=True)
    portrait = cv2.imread(str(ASTRONAUT))
    for number, side in enumerate((160, 170, 180, 190)):
        place = room / "second day" if number > 2 else room
        cv2.imwrite(str(place / f"portrait {number}.png"), cv2.resize(portrait, (side, side)))
    (room / "clip.mp4").write_bytes(clip.read_bytes())
    (room / "cut.jpg").write_bytes(jpeg()[:300])
    (room / "empty.jpg").touch()
    (room / "notes.txt").write_text("what was said")
    (room / ".DS_Store").write_text("of the system")
    return room


def tile(page: Page, name: str) -> object:
    return page.locator(".tile").filter(has=page.get_by_role("heading", name=name, exact=True))


def fetch(site: LocalStack, path: str) -> bytes:
    with urllib.request.urlopen(f"{site.service_url}{path}") as answer:
        return answer.read()


def test_a_folder_becomes_a_study(
    window: Visit, site: LocalStack, folder: Path, browser: Browser, tmp_path: Path
) -> None:
    page = window.goto(PATH)
    study = f"pilot-{uuid.uuid4().hex[:6]}"
    page.get_by_label("Study").fill(study.replace("pilot-", "Pilot "))
    page.get_by_label("Posed").check()
    page.locator("#folder").set_input_files(folder)
    expect(page.get_by_label("Study")).to_have_value(study)
    expect(page.locator(".tile")).to_have_count(7)
    expect(page.get_by_text("Passed over, as no photos or videos: 1 .txt.")).to_be_visible()
    expect(page.get_by_text("6 files wait for the start.")).to_be_visible()
    # A file that cannot be read keeps its sign.
    page.locator(".tile").last.scroll_into_view_if_needed()
    expect(page.locator(".tile-picture.is-drawn")).to_have_count(5)
    assert looked_at(page, "batch-chosen") == []
    page.get_by_role("button", name="Start: 6 files").click()
    expect(page.locator("#count")).to_have_text("5 of 7 done, 2 need you", timeout=DONE_MS)
    expect(page.get_by_text("Everything is finished.")).to_be_visible()
    needs = page.locator("#needs")
    expect(needs).to_contain_text("The file is empty.")
    expect(needs).to_contain_text("Leave these files out, or convert them.")
    expect(needs).to_contain_text("Try to open the file elsewhere")
    expect(tile(page, "portrait 0.png")).to_contain_text("Done")
    assert looked_at(page, "batch-done") == []
    page.get_by_text("Need you 2").click()
    expect(page.locator(".tile:visible")).to_have_count(2)
    # A failed job runs again as the next generation.
    before = tile(page, "cut.jpg").get_by_role("link").get_attribute("href")
    page.get_by_role("button", name="Try again").click()
    expect(tile(page, "cut.jpg").get_by_role("link")).not_to_have_attribute("href", before)
    expect(tile(page, "cut.jpg")).to_contain_text("Failed", timeout=DONE_MS)
    page.get_by_role("link", name=re.compile("To the study")).click()

    expect(page.locator("#count")).to_have_text("6 files: 5 done, 1 failed", timeout=DONE_MS)
    # Made by itself when all have finished.
    expect(page.get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)
    expect(page.locator("#failures")).to_contain_text("cut.jpg")
    expect(page.locator("#quality")).to_contain_text(f"100 % of {FRAMES}, in 1 video")
    expect(page.locator("#quality")).to_contain_text("4 of 4")
    page.reload()
    expect(page.locator(".poster")).to_have_count(6)
    expect(page.locator(".poster img")).to_have_count(5)
    page.locator(".poster img").last.scroll_into_view_if_needed()
    for poster in page.locator(".poster img").all():
        poster.scroll_into_view_if_needed()
        expect(poster).to_have_js_property("complete", True)
        assert poster.evaluate("(one) => one.naturalWidth") > 0
    assert looked_at(page, "study") == []
    answer = json.loads(fetch(site, f"/studies/{study}"))
    rows = list(csv.DictReader(io.StringIO(fetch(site, answer["results"]["links"]["csv"]).decode())))
    assert len(rows) == FRAMES + 4
    assert {row["media_type"] for row in rows} == {"posed"}
    used = [float(row["AU12_r"]) for row in rows if row["good"] == "true"]
    [unit] = [one for one in answer["results"]["units"] if one["unit"] == "AU12"]
    assert unit["rows"] == len(used)
    # Its policy forbids all scripts, those of axe included.
    report = tmp_path / "report.html"
    report.write_bytes(fetch(site, answer["results"]["links"]["report"]))
    plain = browser.new_context(bypass_csp=True).new_page()
    plain.goto(report.as_uri())
    expect(plain.get_by_role("heading", level=1)).to_have_text(study)
    expect(plain.get_by_role("region", name="AU12")).to_contain_text(f"mean {unit['mean']:.2f}")
    assert looked_at(plain, "study-report") == []
    plain.context.close()
    window.goto("/page/studies")
    assert looked_at(page, "studies") == []
    page.get_by_role("link", name=study).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(study)


def test_a_batch_is_paused_and_resumed_by_the_keyboard(window: Visit, folder: Path) -> None:
    page = window.goto(PATH)
    held: list[Route] = []
    released: list[bool] = []
    page.route(re.compile(r"/uploads\?.*"), lambda route: route.continue_() if released else held.append(route))
    page.locator("#choose-folder").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(folder)
    expect(page.get_by_role("button", name="Start: 6 files")).to_be_visible()
    page.locator("#list-title").focus()
    tab_to(page, "Start")
    page.keyboard.press("Enter")
    # Three at a time.
    expect(page.locator(".tile progress:visible")).to_have_count(3)
    tab_to(page, "Pause")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    released.append(True)
    for route in held:
        route.continue_()
    expect(page.locator("#state")).to_have_text("Paused: 3 files not sent yet; what was sent goes on.")
    tab_to(page, "Resume: 3 files")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("5 of 7 done, 2 need you", timeout=DONE_MS)
    # Each button that disappears hands its focus on.
    assert page.evaluate("document.activeElement !== document.body")


def test_options_are_kept_under_a_name_and_the_batch_survives_a_reload(
    visit: Callable[..., Visit], site: LocalStack, folder: Path
) -> None:
    page = visit(site.service_url, viewport=PHONE).goto(PATH)
    page.get_by_label("Posed").check()
    page.get_by_text("More options").click()
    page.locator('[data-option="every"]').fill("5")
    page.get_by_label("Name for the options below").fill("every fifth")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_label("In the wild").check()
    page.locator('[data-option="every"]').fill("")
    page.locator("#folder").set_input_files(folder)
    expect(page.locator(".tile")).to_have_count(7)
    page.reload()
    expect(page.get_by_label("In the wild")).to_be_checked()
    page.get_by_label("Kept options").select_option("every fifth")
    expect(page.get_by_label("Posed")).to_be_checked()
    expect(page.locator('[data-option="every"]')).to_have_value("5")
    # The browser hands no file over a reload: choosing the folder again takes the batch up.
    expect(page.get_by_text("Choose the folder again: what was sent is not sent twice.")).to_be_visible()
    page.locator("#folder").set_input_files(folder)
    expect(page.locator(".tile")).to_have_count(7)
    page.get_by_role("button", name="Start: 6 files").click()
    expect(page.locator("#count")).to_have_text("5 of 7 done, 2 need you", timeout=DONE_MS)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“every fifth” is deleted.")).to_be_visible()
    page.reload()
    expect(page.locator("#count")).to_have_text("5 of 7 done, 2 need you")
    expect(page.get_by_label("Kept options")).to_have_text("None kept yet")
    assert violations(page) == []
