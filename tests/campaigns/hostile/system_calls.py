"""What a process and all its children did to files and sockets, as `strace` saw it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from service.settings import REPOSITORY

CALLS = (
    "open,openat,openat2,creat,truncate,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "mkdir,mkdirat,rmdir,mknod,mknodat,chmod,fchmodat,chown,fchownat,socket,connect,bind,sendto,sendmsg"
)
_LINE = re.compile(r"^(?P<call>\w+)\((?P<arguments>.*)$")
_NAME = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>, )?"(?P<name>(?:[^"\\]|\\.)*)"')
_NO_ADDRESS = re.compile(r", NULL, 0\)\s+= -?\d+")
_READ_ONLY = {"open", "openat", "openat2"}
_SOCKETS = {"socket", "connect", "bind", "sendto", "sendmsg"}

CODE = (sys.prefix, sys.base_prefix, str(REPOSITORY), "/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/")
"""Where programs, libraries and time zones lie: to be read, not written."""
MACHINE = re.compile(
    r"/etc/(ld\.so\.(cache|preload)|localtime)|/.*/openssl\.cnf"
    r"|/dev/(null|urandom|tty)"
    r"|/sys/(devices/system/(cpu|node)|fs/cgroup|kernel/mm)(/.*)?"
    r"|/proc/(self|\d+)/(cgroup|status|stat|maps|mountinfo|task/.*|auxv|limits|fd/?)"
    r"|/proc/(cpuinfo|meminfo|stat|filesystems|mounts|sys/.*)"
)
"""What a runtime asks about the machine that it runs on."""
OF_LAUNCHER = re.compile(r"/proc/self/(setgroups|uid_map|gid_map)")
"""What a child writes about itself as it leaves the network."""


@cache
def can_trace() -> bool:
    """Whether strace is there and allowed to trace."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def traced(argv: Sequence[str], log: Path) -> list[str]:
    """The command that runs `argv` under strace, one log file a process beside `log`."""
    return ["strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log), *argv]


def trespasses(log: Path, own: Sequence[Path], readable: Sequence[Path], start: str) -> list[str]:
    """What was done outside.

    Args:
        own: folders that may be written.
        readable: further files and folders that may be read.
        start: a piece of the line with which the work begins; sockets before that are those of imports.
    """
    found = []
    for part in sorted(log.parent.glob(f"{log.name}.*")):
        lines = part.read_text("utf-8", "replace").splitlines()
        begun = next((number for number, line in enumerate(lines) if start in line), None)
        for number, line in enumerate(lines):
            # The first process imports, then works; all others are started by the work.
            early = begun is not None and number < begun
            found += [f"{word}: {line[:300]}" for word in _wrong(line, own, readable, early)]
    return found


def _wrong(line: str, own: Sequence[Path], readable: Sequence[Path], early: bool) -> Iterator[str]:
    match = _LINE.match(line)
    if not match:
        return
    call, arguments = match["call"], match["arguments"]
    if call in _SOCKETS:
        # What goes to no address goes over a socket that was opened before, or to a child over a pair.
        if not early and not (call == "sendto" and _NO_ADDRESS.search(arguments)):
            yield "socket"
        return
    for name in _NAME.finditer(arguments):
        path = os.path.normpath(Path(name["folder"] or "", _unescaped(name["name"])))
        if "O_PATH" in arguments:
            # Nothing is read: the launcher names what a child may reach.
            continue
        reads = call in _READ_ONLY and "O_WRONLY" not in arguments and "O_RDWR" not in arguments
        if OF_LAUNCHER.fullmatch(path) or _inside(path, own) or path == os.devnull or _is_bytecode(path, readable):
            continue
        if not reads and not early and "EEXIST" not in line:
            yield "written outside"
        elif reads and not (_inside(path, readable) or path.startswith(CODE) or MACHINE.fullmatch(path)):
            yield "read outside"


def _is_bytecode(path: str, readable: Sequence[Path]) -> bool:
    """Python keeps what it compiled beside the code, the first time that it runs."""
    return "/__pycache__" in path and (path.startswith(CODE) or _inside(path, readable))


def _inside(path: str, folders: Sequence[Path]) -> bool:
    return any(path == str(folder) or path.startswith(f"{folder}/") for folder in folders)


def _unescaped(text: str) -> str:
    raw = text.encode("latin-1", "replace").decode("unicode_escape")
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")
