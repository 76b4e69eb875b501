"""A real Chromium before the real server over real storage.

A page fails its test if it logs an error, breaks its content-security policy, or asks anyone but its server.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from azure.storage.blob import BlobServiceClient
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from infra.local.browser import ADVICE, ARGUMENTS, find_browser
from infra.local.demo_media import FRAME_RATE, SIZE, draw_frame
from infra.local.loopback import HOST, free_port, http_status
from infra.local.part import Part
from infra.local.stack import REPOSITORY, LocalStack, StackOptions
from tests.conftest import ASTRONAUT
from tests.integration.web.conftest import service_command

SCREENSHOTS = REPOSITORY / ".local" / "screenshots"
AXE = REPOSITORY / "infra" / "local" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
CAMERA_SIZE = (640, 480)
FRAMES = 45
DONE_S = 25
"""Longest wait of one request for a job's end."""

EXPECTED_MS = 20_000
"""Longest wait for what a page shall come to show: the machine may be busy, and nothing here is a time limit."""
expect.set_options(timeout=EXPECTED_MS)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    film = tmp_path_factory.mktemp("camera") / "face.y4m"
    film.write_bytes(camera_film())
    # Chromium's own sandbox does not start for root.
    arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={film}"] + ["--no-sandbox"] * (os.geteuid() == 0)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first second and a half of the demo's moving face."""
    path = tmp_path_factory.mktemp("clips") / "moving face ü.mp4"
    head = cv2.imread(str(ASTRONAUT))[0:360, 60:420]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FRAME_RATE)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for number in range(FRAMES):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(head, number), format="bgr24")))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Server and worker that ask for no keys."""
    folder = tmp_path_factory.mktemp("site")
    environ = {"RATE_LIMIT_PER_MINUTE": "0", "WEB_WORKERS": "1", "DETECT_CHILDREN": "1", "ENGINES": "1"}
    options = StackOptions(
        run_folder=folder, workers=1, with_functions=False, extra_env=environ, storage_in_memory=True
    )
    with LocalStack(options) as stack:
        yield stack


@dataclass(frozen=True)
class Analysed:
    """A video that the worker has analysed: its job's page, its table, its frames."""

    path: str
    rows: list[dict[str, str]]
    frames: list[np.ndarray]


@pytest.fixture(scope="session")
def analysed(site: LocalStack, clip: Path) -> Analysed:
    name = f"viewer-{uuid.uuid4().hex[:8]}"
    with BlobServiceClient.from_connection_string(site.connection_string) as storage:
        storage.create_container(name).upload_blob("clip.mp4", clip.read_bytes())
    url = f"{site.service_url}/analyse/video/posed/{name}"
    for _ in range(4):
        request = urllib.request.Request(url, method="POST", headers={"Prefer": f"wait={DONE_S}"})
        with urllib.request.urlopen(request, timeout=40) as answer:
            [job] = json.load(answer)["jobs"]
        if job["state"] == "succeeded":
            break
    with urllib.request.urlopen(f"{site.service_url}{job['links']['csv']}") as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(rows) == len(frames) == FRAMES
    return Analysed(f"/page/jobs/{job['id']}", rows, frames)


@dataclass(frozen=True)
class GuardedSite:
    """A server that asks for keys."""

    url: str
    key: str
    reader: str
    """Key that may read only."""


@pytest.fixture(scope="session")
def guarded_site(site: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedSite]:
    """A second server over the storage of the first."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = folder / "keys"
    # May analyse and read, as keys may unless more is said.
    made = service_command("key", "new", "--name", "visitor", "--file", str(keys))
    reader = service_command("key", "new", "--name", "reader", "--scope", "read", "--file", str(keys))
    port = free_port()
    url = f"http://{HOST}:{port}"
    environ = {
        "PATH": os.environ["PATH"],
        "AZURE_STORAGE_CONNECTION_STRING": site.connection_string,
        "API_KEYS_FILE": str(keys),
        "HOST": HOST,
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "DETECT_CHILDREN": "1",
    }
    server = Part(
        "guarded-web",
        [sys.executable, "-m", "service", "web"],
        log_file=folder / "web.log",
        environ=environ,
        is_ready=lambda _: http_status(f"{url}/readyz") == HTTPStatus.OK,
        folder=REPOSITORY,
    )
    server.start()
    yield GuardedSite(url, made.stdout.strip(), reader.stdout.strip())
    server.stop()


@dataclass
class Watch:
    """What a page did that it should not do. A test that provokes an error says so with `expect`."""

    origin: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Errors of the console that match are part of the test."""
        self.expected.append(pattern)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:")):
            self.faults.append(f"asked someone else: {request.url}")

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(re.search(known, fault) for known in self.expected)]


@dataclass(frozen=True)
class Visit:
    """One browser window."""

    page: Page
    watch: Watch
    context: BrowserContext

    def goto(self, path: str) -> Page:
        self.page.goto(f"{self.watch.origin}{path}")
        return self.page


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open a window before a server: `visit(url)`, with any option of Playwright's contexts."""
    visits: list[Visit] = []

    def open_window(origin: str, **options: object) -> Visit:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        page, watch = context.new_page(), Watch(origin)
        page.on("console", watch.hear)
        # Playwright must listen for file choosers before one opens, and Chromium takes a moment to know it.
        page.on("filechooser", lambda _: None)
        page.on("pageerror", lambda error: watch.faults.append(f"uncaught: {error}"))
        page.on("request", watch.see)
        visits.append(Visit(page, watch, context))
        return visits[-1]

    yield open_window
    for one in visits:
        one.context.close()
    assert [one.watch.unexpected() for one in visits] == [[] for _ in visits]


@pytest.fixture
def window(visit: Callable[..., Visit], site: LocalStack) -> Visit:
    """A desktop's window before the server that asks for no keys."""
    return visit(site.service_url, permissions=["camera", "clipboard-read", "clipboard-write"])


def drop(page: Page, content: bytes, name: str, kind: str, target: str = "#drop") -> None:
    """Drop a file as a mouse does."""
    transfer = page.evaluate_handle(
        """([encoded, name, type]) => {
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            return transfer;
        }""",
        [base64.b64encode(content).decode(), name, kind],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(target, event, {"dataTransfer": transfer})


def violations(page: Page) -> list[str]:
    """What axe-core finds, with the elements; evaluated by the debugger, so the page's policy stays as it is."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']} — {'; '.join(node['html'][:160] for node in one['nodes'])}"
        for one in found["violations"]
    ]


SETTLING_FRAMES, SETTLING_MS = 60, 500


def photographed(page: Page, name: str, *, full_page: bool = False) -> None:
    """Keep a screenshot where `SCREENSHOTS=1` asks for them: Chromium draws each without a graphics card."""
    if os.environ.get("SCREENSHOTS") == "1":
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full_page)


def looked_at(page: Page, view: str) -> list[str]:
    """What axe-core finds on a desktop in light and on a phone in dark, each without overflow.

    With `SCREENSHOTS=1` a picture of the view is kept, in either scheme on either screen.
    """
    found = []
    for screen, size, own_scheme in (("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")):
        page.set_viewport_size(size)
        # Right after a resize Chromium may still tell of the overflow that was.
        for _ in range(SETTLING_FRAMES):
            page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width <= size["width"]:
                break
        else:
            found.append(f"{screen}: the page is {width} pixels wide")
        page.emulate_media(color_scheme=own_scheme, reduced_motion="reduce")
        faults = violations(page)
        if faults:
            # A page that works meanwhile, as the live overlay does, may be between two schemes: what stays counts.
            page.wait_for_timeout(SETTLING_MS)
            faults = violations(page)
        found += [f"{screen}, {own_scheme}: {one}" for one in faults]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            photographed(page, f"{view}-{screen}-{scheme}", full_page=True)
    page.set_viewport_size(DESKTOP)
    return found


def camera_film(frames: int = 8) -> bytes:
    """What the fake camera sees: the astronaut's face, still, as YUV4MPEG2 (4:2:0)."""
    width, height = CAMERA_SIZE
    picture = cv2.resize(cv2.imread(str(ASTRONAUT))[0:384], CAMERA_SIZE)
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    head = f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode()
    return head + frames * (b"FRAME\n" + np.ascontiguousarray(planes).tobytes())
