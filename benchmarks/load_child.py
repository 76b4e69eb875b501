"""The load generator's process: a `Load` as JSON on stdin, `[[status, began, seconds], …]` on stdout."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.kept_connection import KeptConnection

_TIME_LIMIT_S = 60.0
_JPEG = {"Content-Type": "image/jpeg"}
# Threads that compute hand over at once to one whose answer has come.
_SWITCH_S = 0.0005

Due = tuple[dict[str, str], float]
"""A request, and the time of this process's clock from which its seconds count."""
Answer = tuple[int, float, float]


def main() -> None:
    """Send the load and print how it was answered."""
    sys.setswitchinterval(_SWITCH_S)
    load = json.load(sys.stdin)
    json.dump(_answers(load), sys.stdout)


def _answers(load: dict[str, Any]) -> list[Answer]:
    bodies = {name: Path(name).read_bytes() for name in {ask["body"] for ask in load["asks"]} if name}
    answers: list[Answer] = []
    start = time.perf_counter()
    dues = _Dues(_at_once(load["asks"]) if load["rate"] is None else _open(load["asks"], start, load["rate"]))

    def ask_on() -> None:
        with KeptConnection(load["url"], _TIME_LIMIT_S) as connection:
            for ask, due in dues:
                body = bodies.get(ask["body"])
                status = connection.status(ask["method"], ask["path"], body, _JPEG if body is not None else None)
                answers.append((status, due - start, time.perf_counter() - due))

    with ThreadPoolExecutor(load["connections"]) as threads:
        for each in [threads.submit(ask_on) for _ in range(load["connections"])]:
            each.result()
    return answers


class _Dues:
    """Hand out the requests of an iterator to several threads; one that waits for a due time keeps the others behind
    it, whose times are later."""

    def __init__(self, dues: Iterator[Due]) -> None:
        self._dues = dues
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Due]:
        return self

    def __next__(self) -> Due:
        with self._lock:
            return next(self._dues)


def _at_once(asks: list[dict[str, str]]) -> Iterator[Due]:
    """A closed loop: each is due when it is taken."""
    return ((ask, time.perf_counter()) for ask in asks)


def _open(asks: list[dict[str, str]], start: float, rate: float) -> Iterator[Due]:
    """An open loop: each is due at a fixed time, and is handed out no earlier."""
    for number, ask in enumerate(asks):
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        yield ask, due


if __name__ == "__main__":
    main()
