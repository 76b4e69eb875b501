"""`python -m benchmarks.live`: the live overlay of *Try a picture*, in Chromium whose camera sees a moving face.

Server, analyser and browser, which draws without a graphics card, share the machine's processors. A picture counts when
its overlay is drawn.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cv2
import numpy as np

from benchmarks.bound import Bound
from benchmarks.chromium import SIZE, browser_cpu_seconds, chromium
from benchmarks.judged import Judged, show_and_write
from benchmarks.processes import cpu_seconds
from benchmarks.site import Site, run_benchmark, running_site, scratch_folder
from benchmarks.told import machine, machine_line, new_console
from infra.local.demo import PORTRAIT
from infra.local.demo_media import FRAME_RATE, WITHOUT_FACE, draw_frame
from infra.local.demo_media import SIZE as FILM_SIZE

if TYPE_CHECKING:
    from playwright.sync_api import Page

A_SECOND_AT_LEAST = 15
WARM_UP_S = 4.0
FILM_FRAMES = WITHOUT_FACE.start
"""Frames of the demo's clip in which the face is seen."""

# Counts changes of the picture below the overlay's numbers, which are written with each drawing.
COUNT = """([seconds]) => new Promise((done) => {
    const times = [];
    const seen = new MutationObserver(() => times.push(performance.now()));
    seen.observe(document.getElementById('live-angles'), { childList: true, characterData: true, subtree: true });
    const began = performance.now();
    setTimeout(() => {
        seen.disconnect();
        done({ times, seconds: (performance.now() - began) / 1000 });
    }, 1000 * seconds);
})"""


@click.command()
@click.option("--seconds", type=click.FloatRange(2), default=20.0, show_default=True, help="Time that is counted.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="All figures, into a file.")
def main(seconds: float, json_file: Path | None) -> None:
    """Measure the live overlay's pictures a second, and their processor time."""
    console = new_console()

    def measure() -> None:
        facts = machine()
        console.print(machine_line(facts))
        with console.status("starting"), scratch_folder() as folder, running_site(workers=0) as site:
            film = camera_film(folder / "face.y4m")
            with chromium(film) as browser:
                context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, permissions=["camera"])
                told = measured(site, context.new_page(), seconds)
        show_and_write(console, json_file, "live", facts, figures_of(told), **told)

    run_benchmark(console, measure)


def measured(site: Site, page: Page, seconds: float) -> dict[str, Any]:
    """Run the overlay for a while; processor times are by picture."""
    page.goto(site.stack.service_url)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Live overlay").click()
    page.locator("#live-numbers").wait_for()
    page.wait_for_timeout(1000 * WARM_UP_S)
    before = cpu_seconds([site.stack.web]), browser_cpu_seconds()
    counted = page.evaluate(COUNT, [seconds])
    after = cpu_seconds([site.stack.web]), browser_cpu_seconds()
    times = np.array(counted["times"])
    pictures = len(times)
    return {
        "pictures": pictures,
        "a_second": pictures / counted["seconds"],
        "p95_ms": float(np.quantile(np.diff(times), 0.95)) if pictures > 1 else math.nan,
        "server_cpu_ms": 1000 * (after[0] - before[0]) / max(1, pictures),
        "browser_cpu_ms": 1000 * (after[1] - before[1]) / max(1, pictures),
    }


def figures_of(told: dict[str, Any]) -> list[Judged]:
    """Beside their aim."""
    return [
        Judged("live overlay, pictures drawn", "a second", told["a_second"], Bound(at_least=A_SECOND_AT_LEAST)),
        Judged("from one picture to the next, p95", "ms", told["p95_ms"]),
        Judged("processor time of a picture, web and its analyser", "ms", told["server_cpu_ms"]),
        Judged("processor time of a picture, browser", "ms", told["browser_cpu_ms"]),
    ]


def camera_film(file: Path) -> Path:
    """Write the demo's moving face as YUV4MPEG2 (4:2:0), which Chromium's fake camera repeats."""
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    head = np.asarray(portrait[0:360, 60:420], np.uint8)
    with file.open("wb") as film:
        film.write(f"YUV4MPEG2 W{FILM_SIZE[0]} H{FILM_SIZE[1]} F{FRAME_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FILM_FRAMES):
            planes = cv2.cvtColor(draw_frame(head, number), cv2.COLOR_BGR2YUV_I420)
            film.write(b"FRAME\n" + np.ascontiguousarray(planes).tobytes())
    return file


if __name__ == "__main__":
    main()
