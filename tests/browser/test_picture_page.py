"""*Try a picture*: drawn where the faces are, by every way in, and told in words when it fails."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from infra.local.stack import LocalStack
from openface_lite import analyse_image
from service.web.protocol.security_headers import PAGE
from tests.browser.conftest import CAMERA_SIZE, PHONE, Visit, drop, looked_at, photographed
from tests.conftest import ASTRONAUT
from tests.fixtures import clips

PORTRAIT = cv2.imread(str(ASTRONAUT))[0:384]
FACE = (165, 60, 115, 125)
"""The astronaut's face, marked by hand: x, y, width, height."""
LANDMARK_COLOUR = (0x5F, 0xF2, 0xDE)
MOST_PIXELS = 2.0
BOX_COLOUR = (0xFF, 0xD3, 0x4D)
OTHER_COLOUR = (0xF4, 0xF4, 0xF4)
HOSTILE = "<img src=x onerror=alert(1)>.png"
NONE_SHOWN = "No face to show"


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def two_faces() -> bytes:
    """A sure face on the left, and on the right one that is out of focus, so that it is less sure."""
    return png(np.hstack([PORTRAIT, cv2.GaussianBlur(PORTRAIT, (0, 0), 4.9)]))


def faces_by_api(site: LocalStack, picture: bytes, confidence: float = 0.3) -> list[dict]:
    url = f"{site.service_url}/api/detect?confidence={confidence}"
    request = urllib.request.Request(url, data=picture, headers={"Content-Type": "image/png"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def analysed(page: Page) -> None:
    """Wait for the result of the last picture."""
    expect(page.locator("#try")).not_to_have_class("try is-busy")
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#summary")).not_to_have_text("Measuring…")


def only_boxes(page: Page) -> None:
    for layer in ("Landmarks", "Head pose", "Gaze"):
        page.locator("#layers").get_by_label(layer, exact=True).uncheck()


def drawn(page: Page, canvas: str = "#overlay") -> np.ndarray:
    """Read the canvas's pixels, RGBA, at the screen's resolution."""
    url = page.evaluate("(canvas) => document.querySelector(canvas).toDataURL()", canvas)
    data = base64.b64decode(url.partition(",")[2])
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def is_marked(overlay: np.ndarray, box: list[int], size: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """All four edges have the colour in their middle, and nothing is drawn a little inside of them."""
    x, y, width, height = box
    scale = overlay.shape[1] / size[0]
    assert abs(overlay.shape[0] / size[1] - scale) < 0.02
    edges = [((x, y + height / 2), (1, 0)), ((x + width, y + height / 2), (-1, 0))]
    edges += [((x + width / 2, y), (0, 1)), ((x + width / 2, y + height), (0, -1))]
    inside = 0.15 * width
    return all(
        _near(_at(overlay, place, scale), colour)
        and _at(overlay, (place[0] + inside * to[0], place[1] + inside * to[1]), scale)[3] == 0
        for place, to in edges
    )


def _at(overlay: np.ndarray, place: tuple[float, float], scale: float) -> np.ndarray:
    return overlay[int(place[1] * scale), int(place[0] * scale)]


def _near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return pixel[3] > 200 and int(np.abs(pixel[:3].astype(int) - colour).max()) < 40


def overlap(one: tuple[int, ...] | list[int], other: tuple[int, ...] | list[int]) -> float:
    """Intersection over union."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0, across) * max(0, down)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


@pytest.mark.parametrize(
    "screen",
    [
        {},
        {"device_scale_factor": 2},
        {"viewport": PHONE, "device_scale_factor": 3, "is_mobile": True, "has_touch": True},
    ],
    ids=["desktop", "fine", "phone"],
)
def test_a_dropped_picture_has_its_box_at_the_right_pixels(
    visit: Callable[..., Visit], site: LocalStack, screen: dict
) -> None:
    page = visit(site.service_url, **screen).goto("/")
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    analysed(page)
    expect(page.locator("#summary")).to_contain_text("1 face.")
    only_boxes(page)
    [face] = faces_by_api(site, ASTRONAUT.read_bytes())
    assert overlap(face["box"], FACE) > 0.6
    overlay = drawn(page)
    shown = page.locator("#picture").bounding_box()
    assert shown is not None
    assert overlay.shape[1] == round(shown["width"] * screen.get("device_scale_factor", 1))
    assert is_marked(overlay, face["box"], (512, 512), BOX_COLOUR)
    assert not is_marked(overlay, [face["box"][0] + 12, *face["box"][1:]], (512, 512), BOX_COLOUR)


def test_each_layer_can_be_hidden(window: Visit) -> None:
    page = window.goto("/")
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    analysed(page)
    covered = [int((drawn(page)[..., 3] > 0).sum())]
    for layer in ("Boxes", "Landmarks", "Head pose", "Gaze"):
        page.locator("#layers").get_by_label(layer, exact=True).uncheck()
        covered.append(int((drawn(page)[..., 3] > 0).sum()))
    assert covered == sorted(covered, reverse=True)
    assert len(set(covered)) == 5
    assert covered[-1] == 0


def test_the_slider_filters_without_a_request(window: Visit, site: LocalStack) -> None:
    picture = two_faces()
    sure, unsure = sorted(faces_by_api(site, picture), key=lambda face: -face["confidence"])
    assert sure["confidence"] > 0.995 > 0.988 > unsure["confidence"] > 0.85
    page = window.goto("/")
    drop(page, picture, "two.png", "image/png")
    analysed(page)
    only_boxes(page)
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    size = (2 * PORTRAIT.shape[1], PORTRAIT.shape[0])
    expect(page.locator("#summary")).to_contain_text("2 faces.")
    marked = {
        name: [is_marked(drawn(page), face["box"], size, colour) for face in (sure, unsure)]
        for name, colour in (("selected", BOX_COLOUR), ("other", OTHER_COLOUR))
    }
    # The largest is looked at first.
    assert marked["selected"] == [not one for one in marked["other"]]
    assert len(page.locator("#faces input").all()) == 2
    page.locator("#confidence").fill("0.99")
    expect(page.locator("#summary")).to_contain_text("1 face. ")
    expect(page.locator("#summary")).to_contain_text("1 more below 99 %.")
    assert not is_marked(drawn(page), unsure["box"], size, OTHER_COLOUR)
    assert calls == []


def test_several_faces_have_numbers_and_a_short_summary(window: Visit, site: LocalStack) -> None:
    page = window.goto("/")
    picture = two_faces()
    drop(page, picture, "two.png", "image/png")
    analysed(page)
    page.locator("#confidence").fill("0.85")
    scale = drawn(page).shape[1] / (2 * PORTRAIT.shape[1])
    corners = [faces["box"][:2] for faces in faces_by_api(site, picture)]
    tags = [_at(drawn(page), (x + 3 / scale, y - 5 / scale), scale) for x, y in corners]
    assert [_near(tag, BOX_COLOUR) or _near(tag, OTHER_COLOUR) for tag in tags] == [True, True]
    assert sum(_near(tag, BOX_COLOUR) for tag in tags) == 1
    lines = page.locator("#summary").inner_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["2 faces.", "Face 1", "Face 2"]
    box = page.locator("#summary").bounding_box()
    assert box
    assert box["height"] <= 3 * 1.05 * 16 * 1.55 + 2


def test_the_picture_appears_before_it_is_measured(window: Visit) -> None:
    page = window.goto("/")
    held: list[Route] = []
    page.route("**/api/analyse-image*", lambda route: held.append(route))
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    expect(page.get_by_role("img", name="The picture that is being measured")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Measuring")).to_be_visible()
    assert page.locator("#preview").evaluate("image => image.naturalWidth") == 512
    assert looked_at(page, "picture-measuring") == []
    held[0].continue_()
    analysed(page)
    expect(page.locator("#preview-card")).to_be_hidden()


def test_words_are_against_the_line_of_sight(window: Visit) -> None:
    """A head beside the camera's axis that faces the lens has a yaw in camera coordinates, and none in words."""
    page = window.goto("/")
    face = {
        "head_pose": {"rotation_deg": {"pitch": 0, "yaw": 20, "roll": 0}, "translation_mm": [218.4, 0, 600]},
        "gaze": {"angle_deg": [-20, 0]},
    }
    words = (
        "async (face) => { const w = await import('/static/words.js'); return [w.poseWords(face), w.gazeWords(face)]; }"
    )
    assert page.evaluate(words, face) == ["faces the camera", "looks into the camera"]
    face["head_pose"]["translation_mm"] = [0, 0, 600]
    turned = ["turned 20° to the left of the picture", "looks 20° to the left of the picture"]
    assert page.evaluate(words, face) == turned
    face["head_pose"]["translation_mm"] = [0, -218.4, 600]
    raised = page.evaluate(words, face)
    assert "raised" in raised[0]
    assert "up" in raised[1]


def test_the_shown_numbers_and_json_are_the_responses(window: Visit) -> None:
    page = window.goto("/")
    with page.expect_response("**/api/analyse-image*") as caught:
        drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    told = caught.value.json()
    analysed(page)
    page.get_by_text("The answer as JSON").click()
    expect(page.locator("#json-text")).not_to_be_empty()
    assert json.loads(page.locator("#json-text").text_content() or "") == told
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == told
    units = told["faces"][0]["action_units"]
    measured = {name: unit for name, unit in units.items() if unit.get("intensity") is not None}
    rows = page.locator("#units tr")
    assert rows.count() == len(measured) > 0
    for name, unit in measured.items():
        row = rows.filter(has_text=name[:4])
        expect(row).to_contain_text(f"{unit['intensity']:.2f}")
        expect(row.locator(".chip")).to_have_text({"supported": "well", "weak": "weakly"}[unit["support"]])
        bar, filled = row.locator(".bar").bounding_box(), row.locator(".bar-filled").bounding_box()
        assert bar is not None
        width = filled["width"] if filled else 0
        assert abs(width / bar["width"] - unit["intensity"] / 5) < 0.01
    left_out = page.locator("#units-left-out").text_content() or ""
    assert all(name[:4] in left_out for name in units if name.endswith("_r") and name not in measured)


def test_a_turned_photo_is_upright(window: Visit, site: LocalStack, tmp_path: Path) -> None:
    file = tmp_path / "turned.jpg"
    cv2.imwrite(str(file), cv2.rotate(PORTRAIT, cv2.ROTATE_90_COUNTERCLOCKWISE))
    clips.with_orientation(file, 6)
    page = window.goto("/")
    page.locator("#file").set_input_files(file)
    analysed(page)
    only_boxes(page)
    shown = page.locator("#picture").bounding_box()
    assert shown is not None
    assert abs(shown["width"] / shown["height"] - PORTRAIT.shape[1] / PORTRAIT.shape[0]) < 0.01
    [face] = faces_by_api(site, file.read_bytes())
    assert overlap(face["box"], FACE) > 0.6
    assert is_marked(drawn(page), face["box"], (PORTRAIT.shape[1], PORTRAIT.shape[0]), BOX_COLOUR)


def test_a_pasted_picture_is_analysed(window: Visit) -> None:
    page = window.goto("/")
    page.evaluate(
        """async (encoded) => {
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            const picture = new Blob([bytes], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        base64.b64encode(ASTRONAUT.read_bytes()).decode(),
    )
    page.keyboard.press("Control+V")
    analysed(page)
    expect(page.locator("#summary")).to_contain_text("1 face.")


def test_a_large_picture_is_reduced_before_the_upload(window: Visit, tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    cv2.imwrite(str(file), cv2.resize(PORTRAIT, (7200, 5800)), [cv2.IMWRITE_JPEG_QUALITY, 50])
    page = window.goto("/")
    with page.expect_response("**/api/analyse-image*") as caught:
        page.locator("#file").set_input_files(file)
    told = caught.value.json()
    analysed(page)
    assert 11e6 < told["width"] * told["height"] <= 12e6
    expect(page.locator("#picture-name")).to_have_text(
        f"large.jpg · made smaller: {told['width']} \N{MULTIPLICATION SIGN} {told['height']} pixels"
    )
    expect(page.locator("#summary")).to_contain_text("1 face.")


def test_a_picture_that_only_the_service_reads(window: Visit, tmp_path: Path) -> None:
    file = tmp_path / "scan.tiff"
    assert cv2.imwrite(str(file), PORTRAIT)
    page = window.goto("/")
    page.locator("#file").set_input_files(file)
    analysed(page)
    expect(page.locator("#picture-name")).to_have_text("scan.tiff · this browser cannot show its pixels")
    expect(page.locator("#summary")).to_contain_text("1 face.")
    size = page.locator("#picture").evaluate("(image) => [image.naturalWidth, image.naturalHeight]")
    assert size == [PORTRAIT.shape[1], PORTRAIT.shape[0]]


def test_a_picture_without_a_face(window: Visit) -> None:
    page = window.goto("/")
    drop(page, png(np.full((200, 300, 3), 120, np.uint8)), "grey.png", "image/png")
    analysed(page)
    expect(page.locator("#summary")).to_have_text("No face with a confidence of 90 % or more.")
    expect(page.get_by_text(NONE_SHOWN)).to_be_visible()
    expect(page.locator("#numbers")).to_be_hidden()


def test_a_file_that_is_not_a_picture_is_reported(window: Visit) -> None:
    page = window.goto("/")
    drop(page, b"some words", HOSTILE, "image/png")
    expect(page.get_by_role("alert").filter(has_text="not a picture")).to_have_text(
        f"“{HOSTILE}” is not a picture that this browser can read."
    )
    # The next one that is good takes it away.
    drop(page, ASTRONAUT.read_bytes(), HOSTILE, "image/png")
    analysed(page)
    expect(page.locator("#problem")).to_be_empty()
    expect(page.locator("#picture-name")).to_have_text(HOSTILE)
    assert page.locator("#picture-name *").count() == 0


def test_an_unreachable_server_is_reported(window: Visit) -> None:
    window.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = window.goto("/")
    window.context.set_offline(True)
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    expect(page.locator("#problem")).to_have_text("The service does not answer. Check the network, then try again.")
    window.context.set_offline(False)
    drop(page, ASTRONAUT.read_bytes(), "astronaut.png", "image/png")
    analysed(page)


def test_the_camera_its_mirror_and_a_photo(window: Visit) -> None:
    page = window.goto("/")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#viewfinder")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.getElementById('camera-stage')).transform") == (
        "matrix(-1, 0, 0, 1, 0, 0)"
    )
    page.get_by_role("button", name="Take the photo").click()
    expect(page.get_by_role("button", name="Use the camera")).to_be_focused()
    analysed(page)
    only_boxes(page)
    expect(page.locator("#summary")).to_contain_text("1 face.")
    # The photo is as others see her: her face is left of the middle, as in the portrait.
    page.get_by_text("The answer as JSON").click()
    expect(page.locator("#json-text")).not_to_be_empty()
    told = json.loads(page.locator("#json-text").text_content() or "")
    assert (told["width"], told["height"]) == CAMERA_SIZE
    [face] = told["faces"]
    scale = CAMERA_SIZE[0] / PORTRAIT.shape[1]
    assert overlap(face["box"], [round(side * scale) for side in FACE]) > 0.6
    assert is_marked(drawn(page), face["box"], CAMERA_SIZE, BOX_COLOUR)
    # The camera is off again.
    assert page.evaluate("document.getElementById('viewfinder').srcObject") is None


def test_the_live_overlay_lies_on_the_face(visit: Callable[..., Visit], site: LocalStack) -> None:
    phone = visit(
        site.service_url, viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2, permissions=["camera"]
    )
    page = phone.goto("/")
    page.get_by_role("button", name="Use the camera").tap()
    live = page.get_by_role("button", name="Live overlay")
    live.tap()
    expect(page.locator("#live-speed")).to_contain_text("pictures a second")
    expect(page.locator("#summary")).to_have_text("1 face before the camera.")
    expect(live).to_have_attribute("aria-pressed", "true")
    width, height = CAMERA_SIZE
    [face] = analyse_image(cv2.resize(PORTRAIT, CAMERA_SIZE), tiles=False)
    # Its numbers are those of the face, as far as they survive the smaller picture.
    shown = {
        unit.locator(".number").first.inner_text(): float(unit.locator(".number").last.inner_text())
        for unit in page.locator("#live-units li").all()
    }
    measured = {name[:4]: unit.intensity for name, unit in face.action_units.items() if unit.intensity is not None}
    assert shown == pytest.approx(measured, abs=0.25)
    for layer in ("Boxes", "Head pose", "Gaze"):
        page.locator("#live-layers").get_by_label(layer, exact=True).uncheck()
    page.wait_for_timeout(300)
    overlay = drawn(page, "#live-overlay")
    scale = overlay.shape[1] / width
    assert overlay.shape[0] / height == pytest.approx(scale, rel=0.01)
    is_dot = (np.abs(overlay[..., :3].astype(int) - LANDMARK_COLOUR).max(axis=2) < 40) & (overlay[..., 3] > 200)
    dots = np.argwhere(is_dot)[:, ::-1] / scale
    for place in face.landmarks_2d:
        assert np.linalg.norm(dots - place, axis=1).min() <= MOST_PIXELS
    assert dots.min(axis=0) == pytest.approx(face.landmarks_2d.min(axis=0), abs=2 * MOST_PIXELS)
    assert dots.max(axis=0) == pytest.approx(face.landmarks_2d.max(axis=0), abs=2 * MOST_PIXELS)
    photographed(page, "picture-live-phone", full_page=True)
    live.tap()
    expect(live).to_have_attribute("aria-pressed", "false")
    assert not drawn(page, "#live-overlay").any()


def test_a_recorded_clip_becomes_a_job(window: Visit) -> None:
    page = window.goto("/")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Record a clip").click()
    expect(page.locator("#clip-words")).to_contain_text("Recording, 2 s")
    expect(page.get_by_role("button", name="Discard the clip")).to_be_visible()
    page.get_by_role("button", name="Stop and measure the clip").click()
    page.wait_for_url("**/page/jobs/*")
    expect(page.locator("#title")).to_contain_text("camera 2")
    expect(page.get_by_role("heading", name="Viewer")).to_be_visible(timeout=60_000)
    expect(page.locator("#viewer-confidence")).to_have_text("1.00")
    # The player can go to its end, which a stream without an index could not.
    page.get_by_role("slider", name="Moment of the video").press("End")
    page.evaluate(SOUGHT)
    shown, length = page.evaluate(
        "[document.getElementById('player').currentTime, document.getElementById('player').duration]"
    )
    assert 1.5 < length < 20
    assert shown == pytest.approx(length, abs=0.3)


SOUGHT = """new Promise((done) => {
    const video = document.getElementById('player');
    if (video.seeking) video.addEventListener('seeked', done, { once: true });
    else done();
})"""


def test_a_refused_camera_is_explained(visit: Callable[..., Visit], site: LocalStack) -> None:
    page = visit(site.service_url).goto("/")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#camera-problem")).to_contain_text("The camera is blocked for this page. Allow it")
    expect(page.locator("#camera-stage")).to_be_hidden()


def test_the_page_works_by_the_keyboard_alone(window: Visit) -> None:
    page = window.goto("/")
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(page.get_by_role("button", name="Choose a picture")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        press("Enter")
    two = np.hstack([PORTRAIT, cv2.flip(PORTRAIT, 1)])
    chooser.value.set_files([{"name": "two.png", "mimeType": "image/png", "buffer": png(two)}])
    analysed(page)
    expect(page.locator("#summary")).to_contain_text("2 faces.")
    tab_to(page, "#confidence")
    press("ArrowLeft")
    expect(page.locator("#confidence-shown")).to_have_text("89 %")
    tab_to(page, "#layers [name=boxes]")
    press("Space")
    expect(page.locator("#layers [name=boxes]")).not_to_be_checked()
    tab_to(page, "#faces input:checked")
    before = page.locator("#pose").inner_text()
    press("ArrowDown")
    expect(page.get_by_role("radio", name="Face 2")).to_be_checked()
    assert page.locator("#pose").inner_text() != before
    tab_to(page, "#json-title")
    press("Enter")
    expect(page.locator("#json-text")).to_be_visible()
    tab_to(page, "#copy")
    press("Enter")
    expect(page.get_by_text("Copied.")).to_be_visible()


def tab_to(page: Page, selector: str, at_most: int = 12) -> None:
    for _ in range(at_most):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_click_on_a_face_selects_it(window: Visit, site: LocalStack) -> None:
    picture = png(np.hstack([PORTRAIT, cv2.flip(PORTRAIT, 1)]))
    page = window.goto("/")
    drop(page, picture, "two.png", "image/png")
    analysed(page)
    x, y, width, height = faces_by_api(site, picture)[1]["box"]
    shown = page.locator("#picture").bounding_box()
    assert shown is not None
    scale = shown["width"] / (2 * PORTRAIT.shape[1])
    page.locator("#stage").click(position={"x": (x + width / 2) * scale, "y": (y + height / 2) * scale})
    expect(page.get_by_role("radio", name="Face 2")).to_be_checked()


def test_the_policy_holds(window: Visit) -> None:
    window.watch.expect("Content Security Policy")
    answer = window.page.goto(f"{window.watch.origin}/")
    assert answer is not None
    assert answer.header_value("content-security-policy") == PAGE
    assert "unsafe" not in PAGE
    assert answer.header_value("permissions-policy").startswith("camera=(self), microphone=()")
    ran = window.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return window.ran === true;
        }"""
    )
    assert not ran
    assert any("Content Security Policy" in fault for fault in window.watch.faults)


def test_no_view_breaks_an_accessibility_rule_or_overflows(window: Visit) -> None:
    page = window.goto("/")
    assert looked_at(page, "picture-empty") == []
    drop(page, two_faces(), "two faces.png", "image/png")
    analysed(page)
    page.locator("#confidence").fill("0.85")
    assert looked_at(page, "picture-two-faces") == []
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#viewfinder")).to_be_visible()
    page.get_by_role("button", name="Live overlay").click()
    expect(page.locator("#live-numbers")).to_be_visible()
    assert looked_at(page, "picture-camera") == []
    page.get_by_role("button", name="Close the camera").click()
    page.get_by_text("The answer as JSON").click()
    drop(page, b"some words", HOSTILE, "image/png")
    expect(page.locator("#problem")).not_to_be_empty()
    expect(page.locator("#summary")).to_contain_text("2 faces.")
    assert looked_at(page, "picture-problem") == []
