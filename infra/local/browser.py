"""Find Chromium on the machine, or install Debian's package where this process may.

Separate because most of the tests need no browser, and go on without one.
"""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "no Chromium here, so the browser tests are skipped: install `chromium`, or run this as root on Debian"
_INSTALL_TIME_LIMIT_S = 600

_AHEAD = (
    "SpareRendererForSitePerProcess",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
)
"""What Chromium starts ahead of need for each window, its address bar's pages: more than half of a visit's cost."""
_PLAYWRIGHTS = (
    "AimEnabled",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "Translate",
)
"""Features that Playwright turns off too: Chromium heeds the last of several lists alone."""
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    f"--disable-features={','.join((*_AHEAD, *_PLAYWRIGHTS))}",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--use-fake-device-for-media-stream",
)
"""Of a browser that tests and benchmarks drive: a fake camera, and no talk with anyone but the page's server."""


def find_browser() -> Path | None:
    """The first Chromium on the path."""
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None)


def install_browser() -> bool:
    """Install Chromium by apt-get, which needs root on Debian."""
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        return False
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for argv in ([apt, "update", "-qq"], [apt, "install", "-qq", "-y", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=_INSTALL_TIME_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode != 0:
            return False
    return True


def main() -> None:
    """Install Chromium where there is none, or print what to do."""
    if find_browser() is None:
        install_browser()
    if find_browser() is None:
        print(ADVICE)


if __name__ == "__main__":
    main()
