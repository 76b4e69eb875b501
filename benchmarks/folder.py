"""`python -m benchmarks.folder`: a folder of hundreds of photos in Chromium, from the choice to the last result.

Every hundredth photo is cut short, so that it needs its reader. Server, worker, storage emulator and browser, which
draws without a graphics card, share the machine's processors.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cv2

from benchmarks.bound import Bound
from benchmarks.chromium import SIZE, browser_cpu_seconds, chromium
from benchmarks.judged import Judged, show_and_write
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT

if TYPE_CHECKING:
    from playwright.sync_api import Page

LISTED_S_AT_MOST, LONGEST_TASK_MS_AT_MOST = 2.0, 200.0
CUT_EVERY = 100
WITHIN_S = 1800.0
SMALLEST, SIDES = 160, 64

# Tasks of the page's own thread that take over 50 ms, as the browser tells them.
WATCH = """() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => {
        for (const each of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, each.duration);
    }).observe({ type: 'longtask' });
}"""


@click.command()
@click.option("--files", default=300, show_default=True, type=click.IntRange(2), help="Number of photos.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(files: int, json_file: Path | None) -> None:
    """Measure the page that analyses a folder."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting") as status, scratch_folder() as folder:
            recordings = write_photos(folder / "recordings", files)
            with running_site({"RATE_LIMIT_PER_MINUTE": "0"}) as site, chromium() as browser:
                status.update("the page")
                page = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}).new_page()
                told = measured(site, page, recordings, files)
        show_and_write(console, json_file, "folder", facts, figures_of(told, files), **told)

    run_benchmark(console, measure)


def write_photos(folder: Path, count: int) -> Path:
    """Write photos of different bytes, every hundredth of them cut in the middle."""
    folder.mkdir(parents=True)
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    for number in range(count):
        side = SMALLEST + number % SIDES
        name = folder / f"photo {number:04}.jpg"
        cv2.imwrite(str(name), cv2.resize(portrait, (side, side + number // SIDES)), [cv2.IMWRITE_JPEG_QUALITY, 92])
        if number % CUT_EVERY == CUT_EVERY - 1:
            name.write_bytes(name.read_bytes()[:600])
    return folder


def measured(site: Site, page: Page, folder: Path, files: int) -> dict[str, Any]:
    """Choose the folder, start, and wait for the last file's end."""
    page.set_default_timeout(WITHIN_S * 1000)
    page.goto(f"{site.stack.service_url}/page/batch")
    page.evaluate(WATCH)
    before = browser_cpu_seconds()
    began = time.monotonic()
    page.locator("#folder").set_input_files(folder)
    page.locator(".tile").nth(files - 1).wait_for(state="attached")
    listed = time.monotonic()
    page.locator("#start").click()
    cut = files // CUT_EVERY
    end = f"{files - cut} of {files} done, {cut} need you" if cut else f"{files} of {files} done"
    page.wait_for_function("(end) => document.getElementById('count').textContent === end", arg=end)
    ended = time.monotonic()
    return {
        "listed_s": listed - began,
        "done_s": ended - listed,
        "longest_task_ms": page.evaluate("globalThis.longest"),
        "browser_ms_a_file": 1000 * (browser_cpu_seconds() - before) / files,
        "heap_mb": page.evaluate("performance.memory.usedJSHeapSize") / 1e6,
    }


def figures_of(told: dict[str, Any], files: int) -> list[Judged]:
    """Beside their aims."""
    return [
        Judged(f"{files} photos listed", "s", told["listed_s"], Bound(at_most=LISTED_S_AT_MOST)),
        Judged("longest task of the page", "ms", told["longest_task_ms"], Bound(at_most=LONGEST_TASK_MS_AT_MOST)),
        Judged("from the start to the last result", "s", told["done_s"]),
        Judged("processor time of the browser, a photo", "ms", told["browser_ms_a_file"]),
        Judged("memory of the page's scripts at the end", "MB", told["heap_mb"]),
    ]


if __name__ == "__main__":
    main()
