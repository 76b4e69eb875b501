"""`python -m infra.readme_picture`: draw the README's picture anew: the viewer of the demo's clip.

Needs Chromium and what `make test` installs.
"""

import tempfile
import uuid
from pathlib import Path

import requests
from playwright.sync_api import Page, sync_playwright

from infra.local.browser import find_browser
from infra.local.demo import PORTRAIT
from infra.local.demo_media import make_clip
from infra.local.stack import REPOSITORY, LocalStack, StackOptions
from infra.local.upload import upload

PICTURE = REPOSITORY / "docs" / "screenshot.png"
FRAME = 40
"""The frame that is shown: the head is turned there, and the whole face is in the picture."""
WIDTH, HEIGHT = 1180, 1500
MARGIN = 12


def main() -> None:
    """Analyse the demo's clip, open its page and take the picture."""
    browser = find_browser()
    if browser is None:
        raise SystemExit("no Chromium here")
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        clip = Path(folder) / "moving-face.mp4"
        make_clip(PORTRAIT, clip)
        with LocalStack(StackOptions(run_folder=Path(folder))) as stack, sync_playwright() as playwright:
            container = str(uuid.uuid4())
            upload(stack.connection_string, clip, container, {})
            address = f"{stack.service_url}/analyse/video/posed/{container}?au=static"
            [job] = requests.post(address, headers={"Prefer": "wait=60"}, timeout=90).json()["jobs"]
            page = playwright.chromium.launch(executable_path=browser).new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1
            )
            page.goto(f"{stack.service_url}/page/jobs/{job['id']}")
            _take(page)


def _take(page: Page) -> None:
    time = page.locator("#viewer-time")
    time.filter(has_text="frame 1").wait_for(timeout=60_000)
    slider = page.get_by_role("slider", name="Moment of the video")
    for number in range(2, FRAME + 1):
        slider.press("ArrowRight")
        time.filter(has_text=f"frame {number}").wait_for()
    # Until the player, too, shows the frame.
    page.wait_for_timeout(1000)
    viewer, timeline = page.locator("#viewer").bounding_box(), slider.bounding_box()
    assert viewer
    assert timeline
    height = timeline["y"] + timeline["height"] + MARGIN - viewer["y"]
    page.screenshot(path=PICTURE, clip={**viewer, "height": height}, full_page=True)


if __name__ == "__main__":
    main()
