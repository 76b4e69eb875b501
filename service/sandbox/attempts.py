"""Child process that attempts what a decoder under an attacker's control would, to find out what holds here.

    python -m service.sandbox.attempts REQUEST ANSWER

The answer names what it got of each attempt: an empty text where it was refused.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.sandbox.child_once import serve_once

NO_NEW_PRIVILEGES = 39
"""`PR_GET_NO_NEW_PRIVS` of prctl(2)."""
CONNECT_S = 2.0


def attempt(parent: int, secret: str, into: str, port: int) -> dict[str, Any]:
    """Attempt everything; none of it does harm.

    Args:
        parent: process to look into.
        secret: file outside of what the child is given.
        into: file to write outside of it.
        port: of loopback, on which something listens.
    """
    attempts: dict[str, Callable[[], str]] = {
        "connect": lambda: _connect(port),
        "datagram": lambda: _datagram(port),
        "read": lambda: Path(secret).read_text(),
        "write": lambda: str(Path(into).write_text("written")),
        "environment": lambda: str(len(Path(f"/proc/{parent}/environ").read_bytes())),
        "memory": lambda: _memory(parent),
        "signal": lambda: _signal(parent),
        "privileges": _privileges,
        "root": lambda: "" if os.geteuid() else "0",
    }
    return {name: _got(act) for name, act in attempts.items()}


def _got(act: Callable[[], str]) -> str:
    try:
        return act()
    except OSError:
        return ""


def _connect(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S):
        return "connected"


def _datagram(port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        return str(line.sendto(b"x", ("127.0.0.1", port)))


def _memory(process: int) -> str:
    with Path(f"/proc/{process}/mem").open("rb"):
        return "opened"


def _signal(process: int) -> str:
    os.kill(process, 0)
    return "sent"


def _privileges() -> str:
    return "" if ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 0, 0, 0, 0) == 1 else "new ones"


if __name__ == "__main__":
    serve_once(attempt)
