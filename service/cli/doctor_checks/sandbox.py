"""Check what engine and decoders are kept from: a child attempts it."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from pathlib import Path

from service.cli.doctor_checks.check import Check, ok, warning
from service.errors import AnalysisError
from service.sandbox import confinement
from service.sandbox.call import ask
from service.sandbox.confinement import NOTHING_ELSE
from service.sandbox.process import ChildLimits

NAME = "sandbox"
LIMITS = ChildLimits(30.0, 4 << 30, 1 << 20)

KEPT_FROM = {
    "connect": "the network",
    "datagram": "the network (UDP)",
    "read": "other files",
    "write": "writing elsewhere",
    "environment": "this process's environment",
    "memory": "this process's memory",
    "signal": "signals to this process",
    "privileges": "new privileges",
    "root": "being root",
}
"""What a child attempts, as `attempts` names it."""

ADVICE = (
    "Linux 6.12 with Landlock and libseccomp2 keeps them from all; as root, so does every user but root; "
    "see SECURITY.md, Hostile media"
)


def sandbox_check(room: Path) -> Check:
    """Start a child that attempts what a decoder under an attacker's control would."""
    if not confinement.is_on():
        return warning(NAME, "off: engine and decoders reach all that this user does", "remove SANDBOX=off")
    secret = room / "secret"
    secret.write_text("x")
    began = time.monotonic()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        request = {
            "parent": os.getpid(),
            "secret": str(secret),
            "into": str(room / "planted"),
            "port": listening.getsockname()[1],
        }
        try:
            entry = "service.sandbox.attempts"
            got = ask(request, room / "sandbox", LIMITS, lambda: None, access=NOTHING_ELSE, entry=entry)
        except AnalysisError as error:
            return warning(NAME, f"not tried: {error.message}", ADVICE)
    seconds = time.monotonic() - began
    kept, open_ = (
        [said for name, said in KEPT_FROM.items() if bool(got[name]) is reached] for reached in (False, True)
    )
    if open_:
        said = f"engine and decoders reach {', '.join(open_)}; kept from {', '.join(kept) or 'nothing'}"
        return warning(NAME, said, ADVICE, seconds=seconds)
    return ok(NAME, f"engine and decoders are kept from {', '.join(kept)}", seconds=seconds)
