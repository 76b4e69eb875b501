"""*Analyse a file*: from the drop to the report, ten at once, over a reload, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import FRAMES, PHONE, GuardedSite, Visit, drop, looked_at
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import clip as moving
from tests.fixtures.media_made import jpeg

PATH = "/page/analyse"
HOSTILE = "<script>alert(1)</script>.png"
FORMULA = "=cmd|calc!A0.png"
PORTRAIT = cv2.imencode(".png", cv2.resize(cv2.imread(str(ASTRONAUT)), (160, 160)))[1].tobytes()
DONE_MS = 60_000


def line(page: Page, name: str) -> object:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def fetch(site: LocalStack, path: str) -> bytes:
    with urllib.request.urlopen(f"{site.service_url}{path}") as answer:
        return answer.read()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith(name):
            return
    pytest.fail(f"{name} is not reached by the keyboard")


def test_a_dropped_video_leads_to_its_report(window: Visit, site: LocalStack, clip: Path) -> None:
    page = window.goto(PATH)
    page.get_by_label("Posed").check()
    page.get_by_text("More options").click()
    page.get_by_label("Also make a copy with the measurements drawn into it").check()
    page.locator('[data-option="end"]').fill("1000")
    page.locator('[data-option="camera"]').select_option("exif")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    drop(page, clip.read_bytes(), clip.name, "video/mp4")
    file = line(page, clip.name)
    expect(file).to_contain_text("video, posed")
    expect(file.get_by_role("progressbar")).to_be_visible()
    report = file.get_by_role("link", name="Report")
    expect(report).to_be_visible(timeout=DONE_MS)
    expect(file).to_contain_text("Done")
    expect(page.get_by_text("1 of 1 file finished")).to_be_visible()
    # Followed by server-sent events, and not by asking again and again.
    assert any(re.search(r"GET .*/jobs/[0-9a-f]{32}/events", one) for one in requests)
    assert not any(re.search(r"GET .*/jobs/[0-9a-f]{32}$", one) for one in requests)
    csv = fetch(site, file.get_by_role("link", name="Table").get_attribute("href")).decode()
    assert csv.startswith("frame,face_id")
    assert len(csv.splitlines()) == 1 + FRAMES
    manifest = json.loads(fetch(site, file.get_by_role("link", name="Manifest").get_attribute("href")))
    assert (manifest["outcome"], manifest["job"]["media_type"]) == ("succeeded", "posed")
    # Of the stated options those of photos are left out.
    assert {name: manifest["job"]["options"].get(name) for name in ("end", "camera")} == {"end": 1000, "camera": None}
    assert clip.name in fetch(site, report.get_attribute("href")).decode()
    assert b"ftyp" in fetch(site, file.get_by_role("link", name="Overlay").get_attribute("href"))[:64]


def test_twelve_files_survive_a_reload(window: Visit) -> None:
    page = window.goto(PATH)
    files = [{"name": "image.jpg", "mimeType": "image/jpeg", "buffer": jpeg(shade)} for shade in range(12)]
    page.get_by_label("Photos and videos", exact=True).set_input_files(files)
    expect(page.locator(".file")).to_have_count(12)
    expect(page.get_by_text("12 of 12 files finished")).to_be_visible(timeout=DONE_MS)
    assert page.get_by_role("link", name="Report").count() == 12
    page.reload()
    expect(page.get_by_text("12 of 12 files finished")).to_be_visible()
    expect(page.locator(".file")).to_have_count(12)
    # Twelve files of one name are twelve blobs of the caller's container of today, the newest first.
    page.get_by_role("link", name="All as a list").click()
    expect(page.locator("#rows tr").nth(11)).to_be_visible()
    names = page.locator(".job-file a").all_inner_texts()
    assert names[:12] == ["image.jpg"] * 12
    assert re.fullmatch(r"uploads-anonymous-\d{8}", page.locator(".job-place").first.inner_text())
    page.go_back()
    page.get_by_role("button", name="Clear the finished ones").click()
    expect(page.locator(".file")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Analyse a file")).to_be_visible()
    expect(page.locator(".file")).to_have_count(0)


def test_a_job_is_found_again_while_it_runs(window: Visit) -> None:
    page = window.goto(PATH)
    drop(page, moving(50), "again.mp4", "video/mp4")
    expect(line(page, "again.mp4").get_by_role("link", name="Job")).to_be_visible(timeout=DONE_MS)
    page.reload()
    expect(line(page, "again.mp4").get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)


def test_unsupported_files_are_refused_before_the_upload(window: Visit) -> None:
    page = window.goto(PATH)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    drop(page, b"hello", "notes.txt", "text/plain")
    expect(line(page, "notes.txt")).to_contain_text("This kind of file cannot be analysed")
    drop(page, b"", "empty.png", "image/png")
    expect(line(page, "empty.png")).to_contain_text("The file is empty.")
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            const file = new File(["x"], "huge.mp4", { type: "video/mp4" });
            Object.defineProperty(file, "size", { value: 5 * 2 ** 30 });
            const event = new DragEvent("drop", { bubbles: true, cancelable: true });
            Object.defineProperty(event, "dataTransfer", { value: { files: [file] } });
            document.getElementById("drop").dispatchEvent(event);
        }"""
    )
    expect(line(page, "huge.mp4")).to_contain_text("The file has 5.0 GiB; at most 4.0 GiB are taken.")
    assert sent == []
    line(page, "huge.mp4").get_by_role("button", name="Remove").click()
    expect(page.locator(".file")).to_have_count(2)


def test_an_unreadable_file_shows_reason_and_advice(window: Visit) -> None:
    page = window.goto(PATH)
    drop(page, b"no picture at all", "broken.jpg", "image/jpeg")
    file = line(page, "broken.jpg")
    expect(file).to_contain_text("Failed", timeout=DONE_MS)
    expect(file).to_contain_text("Try to open the file elsewhere")
    file.get_by_role("link", name="Job").click()
    expect(page.get_by_role("heading", name="Why it failed")).to_be_visible()
    expect(page.locator("#advice")).to_contain_text("Try to open the file elsewhere")


def test_a_broken_upload_can_be_retried(window: Visit) -> None:
    page = window.goto(PATH)
    window.watch.expect("Failed to load resource")
    uploads = re.compile(r"/uploads\?")
    page.route(uploads, lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    drop(page, PORTRAIT, "face.png", "image/png")
    file = line(page, "face.png")
    expect(file).to_contain_text("The connection broke off during the upload.")
    page.unroute(uploads)
    file.get_by_role("button", name="Try again").click()
    expect(file.get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)


def test_a_file_that_is_there_is_not_uploaded_again(window: Visit) -> None:
    page = window.goto(PATH)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    for media_type in ("In the wild", "Posed"):
        page.get_by_label(media_type).check()
        drop(page, jpeg(61), "twice.jpg", "image/jpeg")
        expect(page.get_by_role("link", name="Report")).to_have_count(1, timeout=DONE_MS)
        # The type chosen now counts, and not that of the first upload.
        expect(line(page, "twice.jpg")).to_contain_text(f"image, {media_type.split()[-1].lower()}")
        line(page, "twice.jpg").get_by_role("link", name="Job").click()
        expect(page.locator("main")).to_contain_text(media_type.split()[-1].lower())
        page.go_back()
        page.get_by_role("button", name="Clear the finished ones").click()
    assert len(sent) == 1


def test_the_pages_sha_256_is_the_one_of_the_standard(window: Visit) -> None:
    page = window.goto(PATH)
    sizes = [0, 1, 55, 56, 63, 64, 65, 119, 120, (1 << 20) - 1, 1 << 20, (1 << 20) + 57]
    for most_at_once in (-1, 1 << 30):
        digests = page.evaluate(
            """async ([sizes, mostAtOnce]) => {
                const { sha256 } = await import("/static/sha256.js");
                const file = (size) => new Blob([Uint8Array.from({ length: size }, (_, place) => (place * 7) % 251)]);
                return Promise.all(sizes.map((size) => sha256(file(size), null, undefined, mostAtOnce)));
            }""",
            [sizes, most_at_once],
        )
        expected = [hashlib.sha256(bytes((place * 7) % 251 for place in range(size))).hexdigest() for size in sizes]
        assert digests == expected


def test_without_event_streams_jobs_are_polled(window: Visit) -> None:
    page = window.goto(PATH)
    window.watch.expect("503")
    page.route("**/events", lambda route: route.fulfill(status=503))
    drop(page, jpeg(30), "polled.jpg", "image/jpeg")
    expect(line(page, "polled.jpg").get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)


def test_names_are_text_and_never_markup(window: Visit) -> None:
    page = window.goto(PATH)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for name in (HOSTILE, FORMULA):
        drop(page, PORTRAIT, name, "image/png")
    for name in (HOSTILE, FORMULA):
        expect(line(page, name).get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)
    line(page, HOSTILE).get_by_role("link", name="Job").click()
    # No file has a slash in its name; in a blob's it would be a folder.
    expect(page.locator("#title")).to_have_text("<script>alert(1)<_script>.png")
    page.goto(f"{window.watch.origin}/page/jobs?text=%3Cscript%3E")
    expect(page.locator(".job-file a").first).to_have_text("<script>alert(1)<_script>.png")
    page.goto(f"{window.watch.origin}/page/jobs?text=%3Dcmd")
    expect(page.locator(".job-file a").first).to_have_text(FORMULA)
    assert page.locator("main script").count() == 0


def test_the_page_works_by_the_keyboard_alone(window: Visit) -> None:
    page = window.goto(PATH)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("In the wild")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Posed")).to_be_checked()
    tab_to(page, "Choose files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "keys.jpg", "mimeType": "image/jpeg", "buffer": jpeg(77)})
    expect(line(page, "keys.jpg").get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)
    tab_to(page, "Report")


def test_the_page_asks_for_a_key_where_one_is_needed(visit: Callable[..., Visit], guarded_site: GuardedSite) -> None:
    window = visit(guarded_site.url)
    page = window.goto(PATH)
    drop(page, jpeg(4), "stranger.jpg", "image/jpeg")
    window.watch.expect("401")
    expect(line(page, "stranger.jpg")).to_contain_text("Sign in to go on.")
    page.get_by_label("API key").fill(guarded_site.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who-name")).to_have_text("visitor")
    drop(page, jpeg(5), "mine.jpg", "image/jpeg")
    # What the missing key has stopped goes on by itself.
    expect(line(page, "stranger.jpg").get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)
    expect(line(page, "mine.jpg").get_by_role("link", name="Report")).to_be_visible(timeout=DONE_MS)


def test_no_view_breaks_an_accessibility_rule_or_overflows(window: Visit) -> None:
    page = window.goto(PATH)
    drop(
        page,
        PORTRAIT,
        "a portrait with a rather long name, as cameras and people make them.png",
        "image/png",
    )
    drop(page, b"x", "broken.jpg", "image/jpeg")
    drop(page, b"x", "notes.txt", "text/plain")
    expect(page.get_by_text("3 of 3 files finished")).to_be_visible(timeout=DONE_MS)
    assert looked_at(page, "analyse-files") == []


def test_the_page_works_on_a_phone(visit: Callable[..., Visit], site: LocalStack) -> None:
    window = visit(site.service_url, viewport=PHONE, has_touch=True, is_mobile=True)
    page = window.goto(PATH)
    page.get_by_text("Posed", exact=True).tap()
    expect(page.get_by_label("Posed")).to_be_checked()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").tap()
    chooser.value.set_files({"name": "image.jpg", "mimeType": "image/jpeg", "buffer": jpeg(99)})
    report = page.get_by_role("link", name="Report")
    expect(report).to_be_visible(timeout=DONE_MS)
    box = report.bounding_box()
    assert box is not None
    assert box["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
