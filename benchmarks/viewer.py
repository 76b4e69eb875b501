"""`python -m benchmarks.viewer`: the page of an hour's video in Chromium: how soon it is there, how fast it redraws.

The table is synthetic, 108,000 rows of 30 a second; its series stands in storage as the worker leaves it. The media is
a short clip: playing and seeking are the browser's own, and not counted. Server and browser, which draws without a
graphics card, share the machine's processors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from azure.storage.blob import BlobServiceClient

from benchmarks.bound import Bound
from benchmarks.chromium import SIZE, chromium
from benchmarks.judged import Judged, show_and_write
from benchmarks.site import RESULTS_CONTAINER, Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT
from infra.local.demo_media import SIZE as CLIP_SIZE
from infra.local.demo_media import make_clip
from service.results.series.layout import FILE, GEOMETRY, VALUES, FaceRows, Header

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS, RATE = 108_000, 30
OPEN_S_AT_MOST, REDRAW_MS_AT_MOST = 2.0, 33.0
TRIES = 5
WITHIN_S = 120.0

# Until the timeline is drawn and the numbers of a frame are shown; the page's own clock starts with the navigation.
OPENED = """() => new Promise((done) => {
    const isThere = () => document.getElementById('viewer-time')?.textContent.includes('frame')
        && document.getElementById('timeline-marks').textContent;
    const look = () => isThere() ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
    look();
})"""

# Presses keys of the timeline, and measures until the next picture after each; seeking goes on meanwhile.
REDRAWN = """async ([key, times]) => {
    const timeline = document.getElementById('timeline');
    const found = [];
    for (let i = 0; i < times; i += 1) {
        await new Promise((next) => setTimeout(next, 120));
        const began = performance.now();
        timeline.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        found.push(performance.now() - began);
    }
    return found;
}"""

# A narrower or wider window draws the whole timeline anew.
RESIZED = """async ([times]) => {
    const { Timeline } = await import('/static/timeline.js');
    const found = [];
    const render = Timeline.prototype.render;
    Timeline.prototype.render = function timed() {
        const began = performance.now();
        render.call(this);
        this.canvas.getContext('2d').getImageData(0, 0, 1, 1);
        found.push(performance.now() - began);
    };
    const frame = document.getElementById('timeline');
    for (let i = 0; i < times; i += 1) {
        frame.style.width = `${i % 2 ? 100 : 99}%`;
        await new Promise((next) => setTimeout(next, 150));
    }
    Timeline.prototype.render = render;
    return found;
}"""


@click.command()
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(json_file: Path | None) -> None:
    """Measure the page of an hour's video."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status, scratch_folder() as folder, running_site() as site:
            status.update("the job")
            path = hour_of_video(site, folder)
            status.update("the page")
            with chromium() as browser:
                context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]})
                told = measured(site, context.new_page(), path)
        show_and_write(console, json_file, "viewer", facts, figures_of(told), **told)

    run_benchmark(console, measure)


def measured(site: Site, page: Page, path: str) -> dict[str, Any]:
    """Open the page several times, then step, zoom and resize it."""
    opened = []
    for _ in range(TRIES):
        page.goto("about:blank")
        page.goto(f"{site.stack.service_url}{path}", wait_until="commit")
        opened.append(page.evaluate(OPENED) / 1000)
    page.wait_for_timeout(500)
    return {
        "first_open_s": opened[0],
        "open_s": float(np.median(opened[1:])),
        "step_ms": float(np.quantile(page.evaluate(REDRAWN, ["ArrowRight", 20]), 0.95)),
        "redraw_ms": float(np.quantile(page.evaluate(RESIZED, [20]), 0.95)),
    }


def figures_of(told: dict[str, Any]) -> list[Judged]:
    """Beside their aims."""
    return [
        Judged(
            "an hour's video, the page is there, first time", "s", told["first_open_s"], Bound(at_most=OPEN_S_AT_MOST)
        ),
        Judged("… and again", "s", told["open_s"], Bound(at_most=OPEN_S_AT_MOST)),
        Judged("step by a frame, p95", "ms", told["step_ms"], Bound(at_most=REDRAW_MS_AT_MOST)),
        Judged("the whole timeline drawn anew, p95", "ms", told["redraw_ms"], Bound(at_most=REDRAW_MS_AT_MOST)),
    ]


def hour_of_video(site: Site, folder: Path) -> str:
    """Analyse a short clip, and put an hour's series into the place of its own; returns the job's page."""
    clip = folder / "clip.mp4"
    make_clip(PORTRAIT, clip)
    submitted = site.submit(clip, "video")
    job = site.finished(submitted, WITHIN_S)
    if job["state"] != "succeeded":
        raise FileNotFoundError(f"the job ended as {job['state']}")
    series = folder / "series.bin"
    write_series(series)
    [name] = [
        blob.name
        for blob in site.storage.get_container_client(RESULTS_CONTAINER).list_blobs()
        if submitted.id in blob.name and blob.name.endswith(FILE)
    ]
    _replace(site.storage, name, series)
    return f"/page/jobs/{submitted.id}"


def write_series(file: Path) -> None:
    """Write an hour of one face: every column moves, the eyes blink, and there are smiles."""
    rng = np.random.default_rng(4)
    second = np.arange(ROWS) / RATE
    values = np.empty((ROWS, len(VALUES)), np.float32)
    for place, _ in enumerate(VALUES):
        slow = np.sin(second / (5 + place)) + np.sin(second * 1.7 / (3 + place))
        values[:, place] = np.round(np.clip(slow + rng.normal(0, 0.1, ROWS), 0, 5), 2)
    values[:, VALUES.index("frame")] = np.arange(1, ROWS + 1)
    values[:, VALUES.index("timestamp")] = np.round(second, 3)
    values[:, VALUES.index("confidence")] = 0.98
    values[:, VALUES.index("success")] = 1
    is_shut = rng.random(ROWS) < 0.01
    values[:, VALUES.index("AU45_r")] = np.where(is_shut | np.roll(is_shut, 1) | np.roll(is_shut, 2), 2.0, 0.0)
    geometry = rng.integers(400, 1600, (ROWS, GEOMETRY)).astype(np.int16)
    with file.open("wb") as out:
        out.write(Header(*CLIP_SIZE, ROWS, (FaceRows(0, 0, ROWS),)).line())
        out.write(values.tobytes())
        out.write(geometry.tobytes())


def _replace(storage: BlobServiceClient, name: str, file: Path) -> None:
    with file.open("rb") as content:
        storage.get_blob_client(RESULTS_CONTAINER, name).upload_blob(content, overwrite=True)


if __name__ == "__main__":
    main()
