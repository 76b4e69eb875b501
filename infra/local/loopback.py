"""Find free ports on the loopback interface, and check whether a server answers there.

Separate because every part of the local stack is started on a port that must be free, then waited for.
"""

import random
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress

HOST = "127.0.0.1"
_ASK_TIME_LIMIT_S = 2.0
_SERVERS = range(20000, 32768)
"""Below the ports of outgoing connections, by default of Linux (from 32768) and macOS (from 49152)."""

# A proxy from the environment must not stand between two processes of one machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    """Find `count` different ports that are free now, of those that no outgoing connection is given.

    A port that the system chooses may be the next connection's own before a server listens on it.
    """
    with ExitStack() as held:
        found: list[int] = []
        for port in [*random.sample(_SERVERS, 100), *([0] * count)]:
            if len(found) == count:
                break
            with suppress(OSError):
                found.append(_bound_port(held.enter_context(socket.socket()), port))
        return found


def free_port(preferred: int = 0) -> int:
    """Return `preferred` where it is free, else another free port."""
    with socket.socket() as probe:
        try:
            return _bound_port(probe, preferred)
        except OSError:
            return free_ports(1)[0]


def accepts(port: int) -> bool:
    """Whether a server listens on `port`."""
    try:
        socket.create_connection((HOST, port), timeout=_ASK_TIME_LIMIT_S).close()
    except OSError:
        return False
    return True


def http_status(url: str) -> int | None:
    """Request `url`; return the status, or None without an answer."""
    try:
        with _opener.open(url, timeout=_ASK_TIME_LIMIT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def _bound_port(probe: socket.socket, port: int) -> int:
    # As the servers do: a port in TIME_WAIT after a restart counts as free.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((HOST, port))
    return int(probe.getsockname()[1])
