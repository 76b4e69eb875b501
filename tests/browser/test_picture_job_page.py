"""The page of a finished picture: numbered faces at their pixels, the table's numbers, downloads in one place."""

from __future__ import annotations

import csv
import io
import json
import math
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass

import pytest
from azure.storage.blob import BlobServiceClient
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import DONE_S, Visit, looked_at
from tests.browser.test_picture_page import two_faces


@dataclass(frozen=True)
class AnalysedPicture:
    """A picture that the worker has analysed: its job's page and its table."""

    path: str
    rows: list[dict[str, str]]


@pytest.fixture(scope="module")
def analysed_picture(site: LocalStack) -> AnalysedPicture:
    name = f"faces-{uuid.uuid4().hex[:8]}"
    with BlobServiceClient.from_connection_string(site.connection_string) as storage:
        storage.create_container(name).upload_blob("two.png", two_faces())
    url = f"{site.service_url}/analyse/image/wild/{name}"
    request = urllib.request.Request(url, method="POST", headers={"Prefer": f"wait={DONE_S}"})
    with urllib.request.urlopen(request, timeout=40) as answer:
        [job] = json.load(answer)["jobs"]
    with urllib.request.urlopen(f"{site.service_url}{job['links']['csv']}") as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    assert len(rows) == 2
    return AnalysedPicture(f"/page/jobs/{job['id']}", rows)


def opened(window: Visit, analysed: AnalysedPicture) -> Page:
    page = window.goto(analysed.path)
    expect(page.locator("#faces-count")).to_have_text("2 faces", timeout=30_000)
    return page


def degrees(row: dict[str, str], column: str) -> str:
    value = round(round(math.degrees(float(row[column])), 2), 1) + 0.0
    return f"{value:.1f}°".replace("-", "\N{MINUS SIGN}")


def test_each_face_has_the_numbers_of_its_row(window: Visit, analysed_picture: AnalysedPicture) -> None:
    page = opened(window, analysed_picture)
    expect(page.get_by_role("radio", name="Face 0")).to_be_checked()
    for row in analysed_picture.rows:
        page.get_by_role("radio", name=f"Face {row['face']}").check()
        units = page.locator("#picture-units tr")
        measured = [name for name in row if name.startswith("AU") and name.endswith("_r") and row[name].strip()]
        assert units.count() == len(measured) > 5
        for name in measured:
            shown = units.filter(has_text=name[:4])
            assert float(shown.locator(".number").nth(1).inner_text()) == pytest.approx(float(row[name]), abs=0.0051)
            bar, filled = shown.locator(".bar").bounding_box(), shown.locator(".bar-filled").bounding_box()
            assert bar
            assert (filled["width"] if filled else 0) / bar["width"] == pytest.approx(float(row[name]) / 5, abs=0.01)
        pose = page.locator("#picture-pose")
        turns = {name: degrees(row, f"pose_R{axis}") for name, axis in (("pitch", "x"), ("yaw", "y"), ("roll", "z"))}
        for name, words in turns.items():
            number = float(words.rstrip("°").replace("\N{MINUS SIGN}", "-"))
            found = pose.inner_text().split(f"{name} ")[1].split("°")[0].replace("\N{MINUS SIGN}", "-")
            assert float(found) == pytest.approx(number, abs=0.11)


def test_a_click_selects_the_face_at_its_pixels(window: Visit, analysed_picture: AnalysedPicture) -> None:
    page = opened(window, analysed_picture)
    stage = page.locator("#faces-stage")
    page.locator("#analysed-picture").evaluate("image => image.decode()")
    box = stage.bounding_box()
    assert box
    size = page.locator("#analysed-picture").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    for at in (1, 0):
        row = analysed_picture.rows[at]
        x, y = (float(row[f"{axis}_30"]) for axis in "xy")
        stage.click(position={"x": x * box["width"] / size[0], "y": y * box["height"] / size[1]})
        expect(page.get_by_role("radio", name=f"Face {row['face']}")).to_be_checked()


def test_by_keyboard_and_without_an_accessibility_fault(window: Visit, analysed_picture: AnalysedPicture) -> None:
    page = opened(window, analysed_picture)
    page.get_by_role("radio", name="Face 0").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Face 1")).to_be_checked()
    expect(page.locator("#steps tr").first).to_be_visible()
    assert looked_at(page, "job-picture") == []


def test_everything_is_downloaded_from_one_place(window: Visit, analysed_picture: AnalysedPicture) -> None:
    page = opened(window, analysed_picture)
    listed = page.locator("#download-list")
    names = listed.get_by_role("link").all_inner_texts()
    assert names[:3] == ["Everything (zip)", "Table (CSV)", "Tidy table (Parquet)"]
    assert {"Summary (JSON)", "Report (HTML)", "Methods (text)", "Citations (BibTeX)", "Manifest (JSON)"} <= set(names)
    with page.expect_download(timeout=60_000) as download:
        listed.get_by_role("link", name="Everything (zip)").click()
    assert download.value.suggested_filename == "two.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("result.csv").decode())))
    assert rows == analysed_picture.rows
    # The report leads back.
    page.get_by_role("link", name="Report of two.png").click()
    page.get_by_role("link", name="All downloads").click()
    expect(page.locator("#download-list a").first).to_be_visible()
    assert page.url.endswith(f"{analysed_picture.path}#downloads")
