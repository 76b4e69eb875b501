"""Being asked to stop: finish the item in hand within a grace time, else hand it back."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from service.errors import ShuttingDown


class Shutdown:
    """Whether, and how soon, the worker must end; set by SIGTERM and SIGINT, hurried by a second one."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._asked = threading.Event()
        self._hand_back_at = float("inf")

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def ask(self) -> None:
        """The first time: finish the item within the grace time. After that: hand it back now."""
        self._hand_back_at = time.monotonic() + (0.0 if self.asked else self._grace_s)
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but not past being asked."""
        self._asked.wait(seconds)

    def check(self) -> None:
        """Raises ShuttingDown once the grace time is over."""
        if time.monotonic() >= self._hand_back_at:
            raise ShuttingDown()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ask()
