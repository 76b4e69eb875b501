"""Check that this container is healthy: `healthcheck.py [web|worker|function]`; exit code 0, or 1 and a sentence.

Without an argument it checks the command that the container was started with. It imports nothing of the service: it
runs every few seconds, and must stay cheap. A worker has no port: it is healthy while it holds its workspace, which it
does from the time when it has found its engine until it ends.
"""

from __future__ import annotations

import fcntl
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

TIME_LIMIT_S = 5.0
FUNCTION_PORT = 7071

# A proxy from the environment must not stand between two processes of one container.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def web(environ: Mapping[str, str]) -> str | None:
    """Check the web server; return its fault, or None."""
    return _answers(f"http://127.0.0.1:{environ.get('PORT', '5000')}/healthz")


def function(environ: Mapping[str, str]) -> str | None:
    """Check the function runner; return its fault, or None."""
    return _answers(f"http://127.0.0.1:{FUNCTION_PORT}/admin/host/status")


def worker(environ: Mapping[str, str]) -> str | None:
    """Check the worker; return its fault, or None."""
    workspace = Path(environ.get("WORKSPACE", "/workspace"))
    if any(_is_held(lock) for lock in workspace.glob("worker-*/lock")):
        return None
    return f"no worker holds a folder in {workspace}"


ROLES: Mapping[str, Callable[[Mapping[str, str]], str | None]] = {"web": web, "worker": worker, "function": function}


def _answers(url: str) -> str | None:
    try:
        with _opener.open(url, timeout=TIME_LIMIT_S):
            return None
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _started_as() -> str:
    # The first process is tini, with the container's command behind it; a one-off command is nothing to be watched.
    words = Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    return next((word for word in words if word in ROLES), "")


def main(words: list[str]) -> int:
    """Check this container; return the exit code."""
    role = words[0] if words else _started_as()
    if role not in ROLES:
        return 0
    trouble = ROLES[role](os.environ)
    if trouble:
        print(trouble, file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
