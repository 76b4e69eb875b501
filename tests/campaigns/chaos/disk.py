"""A small disk of the run's own, to be filled: a tmpfs in a mount namespace that ends with the run.

Only this run sees the mount, and nothing of it is left however the run ends. Where no namespace is available, neither
as root nor as a user, the run does without a full disk and says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

INSIDE = "CHAOS_OWN_MOUNTS"
SIZE_MB = 64
FILLER = "filler"
BLOCK = b"\0" * (1 << 20)


def enter_namespace(argv: Sequence[str]) -> bool:
    """Start this command again where mounts are its own; returns only inside (True), or where it cannot be (False)."""
    if INSIDE in os.environ:
        return True
    unshare = shutil.which("unshare")
    if sys.platform != "linux" or not unshare:
        return False
    command = [unshare, *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "--"]
    tried = subprocess.run([*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if tried.returncode == 0:
        os.environ[INSIDE] = "1"
        os.execv(command[0], [*command, sys.executable, "-m", "tests.campaigns.chaos", *argv])
    return False


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """The folder is a disk of `SIZE_MB` meanwhile. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={SIZE_MB}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        # Whatever still uses it keeps it; its name is free all the same.
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path, seconds: float) -> None:
    """Leave nothing free for so long, also of what others give back meanwhile."""
    filler = folder / FILLER
    until = time.monotonic() + seconds
    try:
        with filler.open("ab", buffering=0) as file:
            while time.monotonic() < until:
                try:
                    file.write(BLOCK)
                except OSError:
                    time.sleep(0.02)
    finally:
        filler.unlink(missing_ok=True)
