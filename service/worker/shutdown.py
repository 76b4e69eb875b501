"""Graceful shutdown: finish the current jobs within a grace period, else release them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from service.errors import ShuttingDown


class Shutdown:
    """The worker's shutdown, requested by SIGTERM or SIGINT, and made immediate by a second one."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._asked = threading.Event()
        self._on_asked: list[Callable[[], None]] = []
        self._release_at = float("inf")

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def ask(self) -> None:
        """Request it: jobs may finish within the grace period; a second request releases them now."""
        self._release_at = time.monotonic() + (0.0 if self.asked else self._grace_s)
        self._asked.set()
        for act in self._on_asked:
            act()

    def on_asked(self, act: Callable[[], None]) -> None:
        """Call this with every request; from a signal's handler, so take no lock that the main thread may hold."""
        self._on_asked.append(act)

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep until the shutdown is requested, at most this long."""
        self._asked.wait(seconds)

    def check(self) -> None:
        """Check the grace period. Raises ShuttingDown once it is over."""
        if time.monotonic() >= self._release_at:
            raise ShuttingDown()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ask()
