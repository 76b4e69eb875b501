"""Chromium as users have it, driven for a benchmark: with a fake camera where one is wanted.

Separate because the benchmarks of the pages start the same browser.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from infra.local.browser import ARGUMENTS, find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZE = (1280, 900)


@contextmanager
def chromium(film: Path | None = None) -> Iterator[Browser]:
    """Run Chromium without a window.

    Args:
        film: what its fake camera sees, as YUV4MPEG2.

    Raises:
        FileNotFoundError: there is no Chromium here.
    """
    from playwright.sync_api import sync_playwright

    executable = find_browser()
    if executable is None:
        raise FileNotFoundError("this benchmark needs Chromium: install `chromium`")
    # Chromium's own sandbox does not start for root.
    arguments = [*ARGUMENTS, *["--no-sandbox"] * (os.geteuid() == 0)]
    if film:
        arguments.append(f"--use-file-for-fake-video-capture={film}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def browser_cpu_seconds() -> float:
    """Return the processor time of the browser's running processes."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "chrom" in process.name():
                times = process.cpu_times()
                total += times.user + times.system
    return total
