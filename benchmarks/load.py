"""A load generator: many HTTP requests from a process of its own, and how each was answered.

Separate because every benchmark of the web server needs the same: connections that are kept, bodies from files, and
times that no other work of this process distorts. The child is `benchmarks.load_child`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infra.local.part import PartFailed
from infra.local.stack import REPOSITORY

_SPARE_S = 60.0


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes:
        body: file that is sent, as image/jpeg; empty: no body.
    """

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True)
class Load:
    """The requests of a run, in order, and their rate.

    Attributes:
        connections: at once, each kept from request to request.
        rate: requests a second, begun at fixed times whether or not earlier ones were answered (an open loop);
            None: each connection asks as soon as it has its answer (a closed loop).
    """

    url: str
    asks: Sequence[Ask]
    connections: int
    rate: float | None = None


@dataclass(frozen=True)
class Answered:
    """One answer.

    Attributes:
        status: of HTTP; 0 where the connection failed.
        began: seconds since the load began, in an open loop as intended: what waits for a connection has begun.
        seconds: from there to the last byte.
    """

    status: int
    began: float
    seconds: float


@dataclass(frozen=True)
class Answers:
    """All answers of a load, in the order in which they came."""

    answers: Sequence[Answered]

    @property
    def statuses(self) -> dict[str, int]:
        """How many of each."""
        return {str(status): count for status, count in sorted(Counter(a.status for a in self.answers).items())}

    def as_dict(self, good: int) -> dict[str, Any]:
        """The figures; times and rate are of answers with the status `good` alone, in milliseconds and a second."""
        times = [answer.seconds * 1000 for answer in self.answers if answer.status == good]
        until = max((answer.began + answer.seconds for answer in self.answers), default=0.0)
        figures: dict[str, Any] = {
            "requests": len(self.answers),
            "answered": len(times),
            "statuses": self.statuses,
            "seconds": until,
            "a_second": len(times) / until if until else 0.0,
        }
        for name, value in {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}.items():
            figures[name] = float(np.percentile(times, value)) if times else None
        return figures


def run(load: Load, within_s: float) -> Answers:
    """Send it all and wait for the answers. Raises PartFailed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load_child"],
            cwd=REPOSITORY,
            input=json.dumps(asdict(load)),
            capture_output=True,
            text=True,
            timeout=within_s + _SPARE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PartFailed("the load generator", f"was not done within {within_s + _SPARE_S:g} s", "") from error
    if done.returncode:
        raise PartFailed("the load generator", f"exited with {done.returncode}", done.stderr)
    return Answers([Answered(*answer) for answer in json.loads(done.stdout)])


def picture_asks(path: str, picture: Path, count: int) -> list[Ask]:
    """Repeat one picture `count` times."""
    return [Ask("POST", path, str(picture))] * count
