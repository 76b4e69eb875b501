"""One child process of the local stack: started in a group of its own, waited for, watched and stopped.

Separate because storage, web, workers and function runner all live the same way.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.local.reaper import reaper

_POLL_S = 0.05
_TAIL_LINES = 25
_LOG_END_BYTES = 64 * 1024


class PartFailed(Exception):
    """A part of the local stack did not start, or ended by itself; the text has the end of its log."""

    def __init__(self, part: str, reason: str, log_tail: str) -> None:
        log = f"\n--- end of {part}'s log ---\n{log_tail}" if log_tail else ""
        super().__init__(f"{part} {reason}{log}")
        self.part = part
        self.reason = reason
        self.log_tail = log_tail


class Part:
    """A child process and its log file. `is_ready` is polled until it returns true.

    Args:
        cpus: processors that it and its children may use; empty for all. Of Linux alone, by taskset.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_file: Path,
        environ: Mapping[str, str],
        is_ready: Callable[["Part"], bool],
        ready_within_s: float = 60.0,
        grace_s: float = 15.0,
        folder: Path | None = None,
        cpus: frozenset[int] = frozenset(),
    ) -> None:
        self.name = name
        # taskset becomes the part: its process id is the part's.
        self.argv = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus))), *argv] if cpus else list(argv)
        self.log_file = log_file
        self._environ = dict(environ)
        self._is_ready = is_ready
        self._ready_within_s = ready_within_s
        self._grace_s = grace_s
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begins_at = 0

    @property
    def is_running(self) -> bool:
        """The process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The process to signal from a test. Raises PartFailed where there is none."""
        if self._process is None:
            raise PartFailed(self.name, "is not running", "")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until ready. Raises PartFailed, with nothing left running."""
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start without waiting; does nothing while it runs."""
        if self.is_running:
            return
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._log_begins_at = log.tell()
            self._process = subprocess.Popen(
                self.argv,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the parent alone, which stops the parts in order.
                start_new_session=True,
            )
        reaper.watch(self._process.pid)

    def wait_ready(self) -> None:
        """Wait for a spawned process. Raises PartFailed, with nothing left running."""
        deadline = time.monotonic() + self._ready_within_s
        while time.monotonic() < deadline:
            self.check()
            # Ready and still alive: whatever answered was not a stranger on the same port.
            if self._is_ready(self) and self.is_running:
                return
            time.sleep(_POLL_S)
        self.kill()
        raise PartFailed(self.name, f"was not ready within {self._ready_within_s:.0f} s", self.log_tail())

    def check(self) -> None:
        """Raise PartFailed if the process has ended without being stopped."""
        if self._process is None or self._process.poll() is None:
            return
        code = self._process.returncode
        self.kill()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        raise PartFailed(self.name, how, self.log_tail())

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL after the grace period; does nothing where it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_s)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the whole process group at once, as a crash or a lost machine would."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        reaper.forget(self._process.pid)
        self._process = None

    def log_since_start(self) -> str:
        """The log of the running (or last) process."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(self._log_begins_at)
            return log.read().decode(errors="replace")

    def log_tail(self) -> str:
        """The last lines of that log."""
        return "\n".join(self.log_since_start()[-_LOG_END_BYTES:].splitlines()[-_TAIL_LINES:])
