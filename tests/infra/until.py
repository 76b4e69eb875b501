"""Waits for something that another process does."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    """Return as soon as `holds()` is true. Raises AssertionError after `within_s`."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
