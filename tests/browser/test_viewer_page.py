"""The viewer of a finished video: overlay at the landmarks, numbers of the table, by keyboard, mouse and touch."""

from __future__ import annotations

import base64
import json
import math
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from azure.storage.blob import BlobServiceClient
from playwright.sync_api import Page, expect

from infra.local.stack import LocalStack
from tests.browser.conftest import DONE_S, FRAMES, PHONE, Analysed, Visit, looked_at

LANDMARK_COLOUR = (0x5F, 0xF2, 0xDE)
MOST_PIXELS = 2.0
HEAT_TOP = 20 + 8 + 4 + 8 + 10
"""Axis, quality, blinks, and the space between them."""


def opened(window: Visit, analysed: Analysed) -> Page:
    page = window.goto(analysed.path)
    expect(page.get_by_role("heading", name="Viewer")).to_be_visible()
    expect(page.locator("#viewer-time")).to_contain_text("frame 1", timeout=30_000)
    return page


def shown_row(page: Page, analysed: Analysed) -> dict[str, str]:
    """The table's row of the frame that the page says it shows."""
    frame = page.locator("#player-overlay").get_attribute("data-frame")
    [row] = [row for row in analysed.rows if row["frame"] == frame]
    return row


def go_to(page: Page, frame: int) -> None:
    """Step to a frame by the keyboard, and wait until the player shows it."""
    slider = page.get_by_role("slider", name="Moment of the video")
    slider.press("Home")
    for step in range(2, frame + 1):
        slider.press("ArrowRight")
        expect(page.locator("#viewer-time")).to_contain_text(f"frame {step}")
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {frame}")
    # Not `wait_for_function`, which the page's policy stops where it has to poll.
    page.evaluate(SOUGHT)
    page.wait_for_timeout(300)
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {frame}")


SOUGHT = """new Promise((done) => {
    const video = document.getElementById('player');
    if (video.seeking) video.addEventListener('seeked', done, { once: true });
    else done();
})"""


def test_keys_in_quick_succession_are_all_steps(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    slider = page.get_by_role("slider", name="Moment of the video")
    for _ in range(3):
        slider.press("End")
        # Without waiting: each is pressed while the player still looks for the frame before.
        for key in ("Home", *["ArrowRight"] * 9):
            slider.press(key)
        page.evaluate(SOUGHT)
        expect(page.locator("#viewer-time")).to_contain_text("frame 10")


def degrees(text: str) -> str:
    return f"{math.degrees(float(text)):.1f}°".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize("frame", [1, 8, 23])
def test_the_numbers_are_those_of_the_table(window: Visit, analysed: Analysed, frame: int) -> None:
    page = opened(window, analysed)
    go_to(page, frame)
    row = shown_row(page, analysed)
    assert row["frame"] == str(frame)
    units = page.locator("#viewer-units li")
    measured = [name for name in row if name.startswith("AU") and name.endswith("_r") and row[name]]
    assert units.count() == len(measured) > 5
    for name in measured:
        unit = units.filter(has_text=name[:4])
        assert unit.locator(".number").inner_text() == f"{float(row[name]):.2f}"
        bar, filled = unit.locator(".bar").bounding_box(), unit.locator(".bar-filled").bounding_box()
        assert bar is not None
        assert (filled["width"] if filled else 0) / bar["width"] == pytest.approx(float(row[name]) / 5, abs=0.01)
    expect(page.locator("#viewer-confidence")).to_have_text(f"{float(row['confidence']):.2f}")
    expect(page.locator("#viewer-head")).to_have_text(", ".join(degrees(row[f"pose_R{axis}"]) for axis in "xyz"))
    expect(page.locator("#viewer-gaze")).to_have_text(", ".join(degrees(row[f"gaze_angle_{axis}"]) for axis in "xy"))


def test_the_overlay_lies_on_the_landmarks_of_the_shown_frame(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    for layer in ("Box", "Head pose", "Gaze"):
        page.get_by_role("checkbox", name=layer, exact=True).uncheck()
    go_to(page, 20)
    row = shown_row(page, analysed)
    drawn = pixels(page, "document.getElementById('player-overlay')")
    height, width = analysed.frames[0].shape[:2]
    scale = drawn.shape[1] / width
    assert drawn.shape[0] / height == pytest.approx(scale, rel=0.01)
    is_dot = (np.abs(drawn[..., :3].astype(int) - LANDMARK_COLOUR).max(axis=2) < 40) & (drawn[..., 3] > 200)
    dots = np.argwhere(is_dot)[:, ::-1] / scale
    for i in range(68):
        place = np.array([float(row[f"x_{i}"]), float(row[f"y_{i}"])])
        assert np.linalg.norm(dots - place, axis=1).min() <= MOST_PIXELS, f"landmark {i}"
    # And nothing is drawn where no landmark line can be.
    xs, ys = ([float(row[f"{axis}_{i}"]) for i in range(68)] for axis in "xy")
    assert dots.min(axis=0) == pytest.approx([min(xs), min(ys)], abs=2 * MOST_PIXELS)
    assert dots.max(axis=0) == pytest.approx([max(xs), max(ys)], abs=2 * MOST_PIXELS)
    # The player shows the very frame that the overlay is of.
    shown = pixels(page, SHOWN_FRAME)[..., :3]
    apart = [np.abs(cv2.resize(shown, (width, height)).astype(int) - frame).mean() for frame in analysed.frames]
    assert int(np.argmin(apart)) + 1 == 20


SHOWN_FRAME = """(() => {
    const video = document.getElementById('player');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    return canvas;
})()"""


def pixels(page: Page, canvas: str) -> np.ndarray:
    """Read the canvas's pixels, RGBA."""
    data = base64.b64decode(page.evaluate(f"(async () => {canvas}.toDataURL())()").partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def test_each_layer_can_be_hidden(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    covered = []
    for layer in ("Box", "Landmarks", "Head pose", "Gaze"):
        covered.append(int((pixels(page, "document.getElementById('player-overlay')")[..., 3] > 0).sum()))
        page.get_by_role("checkbox", name=layer, exact=True).uncheck()
    assert covered == sorted(covered, reverse=True)
    assert len(set(covered)) == 4
    assert not (pixels(page, "document.getElementById('player-overlay')")[..., 3] > 0).any()


def test_by_keyboard_alone(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    slider = page.get_by_role("slider", name="Moment of the video")
    page.locator("#zoom-all").focus()
    page.keyboard.press("Tab")
    expect(slider).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {FRAMES}")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", f"{float(analysed.rows[-2]['timestamp']):.2f} s of "
                                     f"{float(analysed.rows[-1]['timestamp']):.2f} s, frame {FRAMES - 1}")  # fmt: skip
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Pause")
    expect(page.locator("#play")).to_have_text("Play", timeout=10_000)
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {FRAMES}")


def test_a_click_jumps_and_zooming_shows_a_part(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    page.locator("#timeline-canvas").scroll_into_view_if_needed()
    box = page.locator("#timeline-canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 52 + (box["width"] - 60) / 2, box["y"] + 30)
    middle = float(analysed.rows[-1]["timestamp"]) / 2
    assert float(page.locator("#timeline").get_attribute("aria-valuenow") or 0) == pytest.approx(middle, abs=0.05)
    heat = [
        name for name in analysed.rows[0] if name.startswith("AU") and name.endswith("_r") and analysed.rows[0][name]
    ]
    page.mouse.move(box["x"] + 53, box["y"] + HEAT_TOP + 13 * heat.index("AU26_r") + 5)
    expect(page.locator("#timeline-values")).to_have_text(f"0 s: AU26 {float(analysed.rows[0]['AU26_r']):.2f}")
    with page.expect_response("**/series?*") as caught:
        page.get_by_role("button", name="Zoom in").click()
    assert "from=" in caught.value.url
    # A press on a unit's code shows its curve.
    before = page.locator("#timeline-canvas").evaluate("(canvas) => canvas.toDataURL()")
    page.locator("#viewer-units").get_by_role("button", name="AU25").click()
    assert page.locator("#timeline-canvas").evaluate("(canvas) => canvas.toDataURL()") != before


def test_the_marks_are_said_in_words(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    words = page.locator("#timeline-marks")
    expect(words).to_have_text(f"Blinks: 0. Gaps: 0. Rows below the quality gate: 0 of {FRAMES}.")


@pytest.mark.parametrize("exact", [True, False])
def test_marks_are_drawn_where_they_are(window: Visit, exact: bool) -> None:
    page = window.goto("/page/compare")
    drawn = pixels(page, f"(await ({DRAWN})({json.dumps(exact)}))")
    ratio = drawn.shape[1] / 560
    colours = {name: page.evaluate(COLOUR, name) for name in ("--bad", "--accent", "--warn", "--ink", "--sunken")}

    def at(seconds: float, y: float) -> np.ndarray:
        return drawn[round(y * ratio), round((52 + 50 * seconds) * ratio)][:3].astype(int)

    def is_coloured(seconds: float, y: float, name: str) -> bool:
        return bool(np.abs(at(seconds, y) - colours[name]).max() < 12)

    assert is_coloured(1.5, 24, "--bad") and not is_coloured(2.5, 24, "--bad")
    assert is_coloured(3.1, 36, "--accent") and is_coloured(4.5, 36, "--warn") and is_coloured(6, 36, "--sunken")
    # The unit's strip: shaded by its value, with a line below where an event is, and nowhere else.
    line = HEAT_TOP + 10
    assert is_coloured(5.5, line, "--ink") and not is_coloured(6.5, line, "--ink")
    assert not is_coloured(5.5, HEAT_TOP + 4, "--ink")
    # A gap is a band over everything.
    assert (at(8.5, HEAT_TOP + 4) != at(7.5, HEAT_TOP + 4)).any()


COLOUR = """(name) => {
    const context = document.createElement('canvas').getContext('2d');
    context.fillStyle = getComputedStyle(document.body).getPropertyValue(name);
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""

DRAWN = """async (exact) => {
    const { Timeline } = await import('/static/timeline.js');
    const frame = document.body.appendChild(document.createElement('div'));
    frame.style.width = '560px';
    const timeline = new Timeline(frame.appendChild(document.createElement('canvas')), () => {}, () => {});
    const time = Array.from({ length: 100 }, (_, at) => at / 10);
    const values = { confidence: time.map(() => 0.98), AU12_r: time.map(() => 1), pose_Rx: time.map(() => 0.1) };
    const spans = { blinks: [[3, 3.2]], closures: [[4, 5]], gaps: [[8, 9]], below_gate: [[1, 2]] };
    const marks = { ...spans, events: { AU12_r: [[5, 6]] } };
    timeline.show({ exact, time, frame: time, low: values, high: values, marks }, [0, 10]);
    return timeline.canvas;
}"""


def test_by_touch_on_a_phone(visit: Callable[..., Visit], site: LocalStack, analysed: Analysed) -> None:
    window = visit(site.service_url, viewport=PHONE, has_touch=True, is_mobile=True)
    page = opened(window, analysed)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#timeline-canvas").scroll_into_view_if_needed()
    box = page.locator("#timeline-canvas").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 9, box["y"] + 30)
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {FRAMES}")
    page.get_by_role("button", name="One frame back").tap()
    expect(page.locator("#viewer-time")).to_contain_text(f"frame {FRAMES - 1}")


def test_a_video_that_browsers_do_not_play_is_shown_as_a_copy(
    window: Visit, site: LocalStack, analysed: Analysed, tmp_path: Path
) -> None:
    name = f"viewer-{uuid.uuid4().hex[:8]}"
    with av.open(str(tmp_path / "old.avi"), "w") as file:
        stream = file.add_stream("mpeg4", rate=30)
        stream.height, stream.width = analysed.frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
        for frame in analysed.frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    with BlobServiceClient.from_connection_string(site.connection_string) as storage:
        storage.create_container(name).upload_blob("old.avi", (tmp_path / "old.avi").read_bytes())
    url = f"{site.service_url}/analyse/video/posed/{name}"
    request = urllib.request.Request(url, method="POST", headers={"Prefer": f"wait={DONE_S}"})
    with urllib.request.urlopen(request, timeout=40) as answer:
        [job] = json.load(answer)["jobs"]
    page = window.goto(f"/page/jobs/{job['id']}")
    expect(page.locator("#viewer-note")).to_contain_text("it shows a smaller copy", timeout=60_000)
    expect(page.locator("#viewer-time")).to_contain_text("frame 1", timeout=30_000)
    go_to(page, 20)
    shown = pixels(page, SHOWN_FRAME)[..., :3]
    height, width = analysed.frames[0].shape[:2]
    apart = [np.abs(cv2.resize(shown, (width, height)).astype(int) - frame).mean() for frame in analysed.frames]
    assert int(np.argmin(apart)) + 1 == 20
    assert (pixels(page, "document.getElementById('player-overlay')")[..., 3] > 0).any()


def test_deleted_media_leave_the_curves(window: Visit, site: LocalStack, clip: Path) -> None:
    name = f"viewer-{uuid.uuid4().hex[:8]}"
    with BlobServiceClient.from_connection_string(site.connection_string) as storage:
        storage.create_container(name).upload_blob("gone.mp4", clip.read_bytes())
        request = urllib.request.Request(
            f"{site.service_url}/analyse/video/posed/{name}", method="POST", headers={"Prefer": f"wait={DONE_S}"}
        )
        with urllib.request.urlopen(request, timeout=40) as answer:
            [job] = json.load(answer)["jobs"]
        storage.get_blob_client(name, "gone.mp4").delete_blob()
    window.watch.expect("404")
    page = window.goto(f"/page/jobs/{job['id']}")
    expect(page.locator("#viewer-problem")).to_contain_text("cannot play the video, or it was deleted")
    expect(page.locator("#viewer-time")).to_contain_text("frame 1", timeout=30_000)
    page.get_by_role("slider", name="Moment of the video").press("ArrowRight")
    expect(page.locator("#viewer-time")).to_contain_text("frame 2")


def test_no_view_breaks_an_accessibility_rule_or_overflows(window: Visit, analysed: Analysed) -> None:
    page = opened(window, analysed)
    go_to(page, 20)
    expect(page.locator("#steps tr").first).to_be_visible()
    assert looked_at(page, "job-viewer") == []
