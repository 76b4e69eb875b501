"""End process groups whose starter was killed and could not end them itself.

Separate because it runs as a process of its own: only what outlives the starter can clean up after it.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO

_GRACE_S = 3.0


class Reaper:
    """The client of a reaping process, which acts when this process's end of the pipe closes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: IO[str] | None = None

    def watch(self, group: int) -> None:
        """End `group` should this process be killed."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """The group has ended; its number may soon be someone else's."""
        self._tell(f"-{group}")

    def _tell(self, word: str) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = _start()
            # Without its reaper the stack works all the same.
            with suppress(OSError):
                self._pipe.write(word + "\n")
                self._pipe.flush()


def _start() -> IO[str]:
    process = subprocess.Popen(
        # Isolated and without site-packages: it needs neither, and starts faster.
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    pipe = process.stdin
    assert pipe is not None

    def close() -> None:
        with suppress(OSError):
            pipe.close()
        process.wait()

    atexit.register(close)
    return pipe


def _reap(words: IO[str]) -> None:
    """Keep the list of groups until the pipe closes, then end those that are left."""
    groups: set[int] = set()
    for word in words:
        (groups.add if word.startswith("+") else groups.discard)(int(word[1:]))
    if not groups:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        if number == signal.SIGTERM:
            time.sleep(_GRACE_S)


# One for all parts that this process starts.
reaper = Reaper()

if __name__ == "__main__":
    _reap(sys.stdin)
