"""The process that asks `/healthz` again and again, each time over a new connection, until its standard input ends.

Separate because the process that makes the abuse is too busy to measure time. Argument: the service's URL.
Prints a JSON list of `[seconds since the start, seconds until the whole answer]`, where a missing answer counts as the
time limit.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from contextlib import closing
from urllib.parse import urlsplit

PAUSE_S = 0.05
TIME_LIMIT_S = 10.0


def main() -> None:
    """Ask until told to stop."""
    place = urlsplit(sys.argv[1])
    began = time.monotonic()
    answers: list[tuple[float, float]] = []
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        asked = time.monotonic()
        answers.append((asked - began, ask(str(place.hostname), int(place.port or 80))))
    print(json.dumps(answers), flush=True)


def ask(host: str, port: int) -> float:
    """Seconds that one answer took."""
    began = time.monotonic()
    with closing(http.client.HTTPConnection(host, port, timeout=TIME_LIMIT_S)) as connection:
        try:
            connection.request("GET", "/healthz", headers={"Connection": "close"})
            is_well = connection.getresponse().read() != b"" and time.monotonic() - began < TIME_LIMIT_S
        except (OSError, http.client.HTTPException):
            is_well = False
    return time.monotonic() - began if is_well else TIME_LIMIT_S


if __name__ == "__main__":
    main()
