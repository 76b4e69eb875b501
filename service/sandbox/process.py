"""Run one child process: started without a shell, limited, watched, and ended with all its children.

The only file that starts processes: the engine and every decoder of uploaded media run in here.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from service.errors import EngineTimeout, EngineUnavailable
from service.sandbox import confine
from service.sandbox.confinement import NOTHING_ELSE, Access, instructions
from service.sandbox.printable import clean

GRACE_S = 1.0
"""Grace period between TERM and KILL; with it, a lost lease stops the engine within two seconds."""
KILLED = (-signal.SIGKILL, -signal.SIGTERM)
"""Exit codes of a child that was ended from outside; a child that meets its own memory limit ends otherwise."""
LAUNCHER = (sys.executable, "-I", "-S", confine.__file__)
"""Command line of the launcher of commands. It ends with this process, however that ends."""
KILL_WAIT_S = 5.0
"""How long a killed child may take to end; one that hangs in the kernel is left behind."""
MOST_PIXELS = 1 << 28
"""Most pixels that OpenCV decodes in any child; MAX_MEGAPIXELS is below."""
LAST_WORDS_S = 0.5
"""How long a child that has hung up may take to end by itself, so that its own exit code is seen."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
"""Pauses between two looks at the child; growing, so that short runs end quickly and long ones are cheap."""
LOG_BYTES = 4 << 20
"""Size at which a log is cut back to its beginning and its newest words."""
LOG_HEAD_BYTES = 256 << 10
"""Bytes kept of the beginning of a log that was cut."""
TAIL_BYTES, TAIL_COLUMNS = 16 << 10, 300
"""Bounds of the part of a log that is quoted in messages."""


@dataclass(frozen=True)
class ChildLimits:
    """Limits of one child.

    Attributes:
        time_s: wall time in seconds.
        memory_bytes: address space of each of its processes.
        file_bytes: size of any one file that it writes, its log included.
        cpus: processors that it may use; empty for all of its parent's. Libraries choose their threads by them.
    """

    time_s: float
    memory_bytes: int
    file_bytes: int
    cpus: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Finished:
    """How a child ended by itself.

    Attributes:
        returncode: exit code; negative for a signal.
        seconds: wall time.
        stdout, stderr: its logs, at most a few MiB each.
        peak_memory_bytes: largest resident size, but no less than this process had when it started the child.
    """

    returncode: int
    seconds: float
    stdout: Path
    stderr: Path
    peak_memory_bytes: int

    @property
    def signal(self) -> str | None:
        """Name of the signal that ended it, if one did; SIGKILL is usually the system's, which was out of memory."""
        if self.returncode >= 0:
            return None
        try:
            return signal.Signals(-self.returncode).name
        except ValueError:
            return f"signal {-self.returncode}"

    def tail(self, n: int = 20) -> str:
        """Return the last `n` lines of each log, stdout first, without control characters and bounded in length."""
        return "\n".join(part for part in (_tail(self.stdout, n), _tail(self.stderr, n)) if part)


def run_child(
    argv: Sequence[str],
    *,
    cwd: Path,
    log_dir: Path,
    limits: ChildLimits,
    on_wait: Callable[[], None] = lambda: None,
    env: Mapping[str, str] = MappingProxyType({}),
    access: Access = NOTHING_ELSE,
    launcher: Sequence[str] = LAUNCHER,
    stdin: int = subprocess.DEVNULL,
) -> Finished:
    """Run a command to its end, or to the end of its time.

    Args:
        argv: the absolute path of an executable and its arguments; no shell sees them. `-m` and a module for a launcher
            in a Python that finds it.
        cwd: where it runs, and may write; also its HOME and TMPDIR.
        log_dir: existing folder that gets `stdout.log` and `stderr.log`.
        on_wait: called every 0.02 to 0.2 s while the child runs. If it raises, the child is stopped and the
            exception goes on to the caller.
        env: added to the child's otherwise fixed environment; nothing is inherited.
        access: what it reads and writes besides its own and the system's files.
        launcher: command line that confines the child and then becomes the command.
        stdin: descriptor of its standard input.

    Raises:
        EngineUnavailable: there is no such executable, or it cannot be started.
        EngineTimeout: it ran over its time and was stopped.
    """
    _check_executable(argv[0])
    whole = [*launcher, _instructions(argv[0], cwd, limits, access), *argv]
    stdout, stderr = log_dir / "stdout.log", log_dir / "stderr.log"
    with stdout.open("ab", buffering=0) as out, stderr.open("ab", buffering=0) as err:
        started = time.monotonic()
        with _on_cpus(limits.cpus):
            child = _start(whole, cwd, _environment(cwd, env), out, err, stdin)
        peak = 0
        try:
            for _ in _until_ended(child.pid, limits.time_s):
                on_wait()
                _cut(out)
                _cut(err)
            if not _ended(child.pid):
                raise EngineTimeout(f"stopped after its time limit of {limits.time_s:.0f} s")
        finally:
            peak = _end(child)
    seconds = time.monotonic() - started
    finished = Finished(child.returncode, seconds, stdout, stderr, peak)
    if child.returncode == confine.NOT_STARTED and (tail := finished.tail()).startswith("confine: "):
        raise EngineUnavailable(f"{argv[0]} cannot be started: {tail.rpartition(': ')[2]}")
    return finished


class Companion:
    """A child that stays and answers over a socket, which is its standard input.

    The thread that makes it must outlive it: a child is ended with the thread that started it.

    Attributes:
        line: the parent's end of the socket, blocking; the other end closes when the child is gone.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        limits: ChildLimits,
        env: Mapping[str, str] = MappingProxyType({}),
        access: Access = NOTHING_ELSE,
        launcher: Sequence[str] = LAUNCHER,
    ) -> None:
        """Start it; `limits.time_s` is for the caller to hold, the rest as in `run_child`. Raises EngineUnavailable."""
        _check_executable(argv[0])
        whole = [*launcher, _instructions(argv[0], cwd, limits, access), *argv]
        self.line, theirs = socket.socketpair()
        try:
            with theirs, log.open("ab", buffering=0) as out:
                self._child = _start(whole, cwd, _environment(cwd, env), out, out, stdin=theirs.fileno())
        except BaseException:
            self.line.close()
            raise

    def has_hung_up(self) -> bool:
        """Tell whether it is gone, or has sent bytes without being asked."""
        readable, _, _ = select.select([self.line], [], [], 0)
        return bool(readable)

    def end(self) -> int:
        """Stop it and all its children; return its exit code, negative for the signal that ended it.

        One that has hung up by itself gets a moment to end by itself. May be called again.
        """
        if self._child.returncode is None:
            if self.has_hung_up():
                for _ in _until_ended(self._child.pid, LAST_WORDS_S):
                    pass
            self.line.close()
            _end(self._child)
        return self._child.returncode


def _check_executable(command: str) -> None:
    if command == "-m":
        return
    path = Path(command)
    if not path.is_absolute():
        # A bare name would be looked up in PATH, and OpenFace finds its models beside argv[0].
        raise EngineUnavailable(f"{path} is not an absolute path")
    if not path.is_file():
        raise EngineUnavailable(f"{path} does not exist")
    if not os.access(path, os.X_OK):
        raise EngineUnavailable(f"{path} is not executable")


def _instructions(command: str, cwd: Path, limits: ChildLimits, access: Access) -> str:
    return instructions(
        command, cwd, access, memory_bytes=limits.memory_bytes, file_bytes=limits.file_bytes, parent=os.getpid()
    )


def _environment(cwd: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return an allow-list of variables: a child sees none of the secrets that this process holds."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath.lstrip(":")]),
        "LANG": "C.UTF-8",
        "HOME": str(cwd),
        "TMPDIR": str(cwd),
        # Nested threads make OpenFace slower, and OpenBLAS abort on hosts with many cores.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "VECLIB_MAXIMUM_THREADS": "1",
        # OpenCV decodes nothing larger, whatever a header said before: here and in OpenFace.
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(MOST_PIXELS),
        **extra,
    }


def _start(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    out: IO[bytes],
    err: IO[bytes],
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineUnavailable(f"{argv[0]} cannot be started: {error.strerror or error}") from error


@contextlib.contextmanager
def _on_cpus(cpus: frozenset[int]) -> Iterator[None]:
    """Bind this thread to some processors; a child that it starts inherits the mask before it counts processors."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    # A processor that was taken from this container meanwhile must not keep the child from starting.
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)


def _until_ended(pid: int, time_s: float) -> Iterator[None]:
    """Yield at growing intervals until the child has ended or its time is up."""
    deadline = time.monotonic() + time_s
    pause = FIRST_PAUSE_S
    with _sleeper(pid) as sleep:
        while not _ended(pid):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            yield
            sleep(min(pause, max(left, 0.0)))
            pause = min(pause * 1.3, LONGEST_PAUSE_S)


@contextlib.contextmanager
def _sleeper(pid: int) -> Iterator[Callable[[float], object]]:
    """Give a function that sleeps for some seconds, or until the child ends where the system tells that."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield time.sleep
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: poll.poll(math.ceil(1000 * seconds))
    finally:
        os.close(descriptor)


def _ended(pid: int) -> bool:
    # WNOWAIT leaves the dead leader in place, so that its number is still its own when we signal the group.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: subprocess.Popen[bytes]) -> int:
    """Stop the child if it still runs, kill the rest of its group, and return its peak memory in bytes."""
    if not _ended(child.pid):
        _signal_group(child.pid, signal.SIGTERM)
        for _ in _until_ended(child.pid, GRACE_S):
            pass
    _signal_group(child.pid, signal.SIGKILL)
    for _ in _until_ended(child.pid, KILL_WAIT_S):
        pass
    pid, status, usage = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status) if pid else -signal.SIGKILL
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _cut(log: IO[bytes]) -> None:
    """Cut a log that outgrew its limit; it is open for appending, so the child just goes on.

    Its end stays, since it may say why the child ended. What the child writes between the two steps is lost.
    """
    size = os.fstat(log.fileno()).st_size
    if size > LOG_BYTES:
        newest = _newest(Path(log.name))
        os.ftruncate(log.fileno(), LOG_HEAD_BYTES)
        left_out = size - LOG_HEAD_BYTES - len(newest)
        log.write(f"\n[… {left_out} bytes of log cut here …]\n".encode() + newest)


def _newest(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read(TAIL_BYTES)


def _tail(path: Path, lines: int) -> str:
    text = _newest(path).decode("utf-8", "replace")
    return "\n".join([line[:TAIL_COLUMNS] for line in clean(text).splitlines() if line.strip()][-lines:])
