"""How many jobs the workers have ended, read from their logs: looking costs storage and web nothing.

Separate because a benchmark that asks the service where its jobs are is a load of its own.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from infra.local.part import Part, PartFailed

_LOOK_S = 0.02
_ENDED_BADLY = ("job.failed", "job.cancelled", "job.superseded", "job.retried", "job.abandoned")


class Outcomes:
    """Follows the logs of some workers from now on."""

    def __init__(self, workers: Sequence[Part]) -> None:
        self._workers = list(workers)
        self._read_to = {part.name: part.log_file.stat().st_size for part in self._workers}
        self.ended_at: list[datetime] = []
        self.succeeded: dict[str, int] = dict.fromkeys(self._read_to, 0)

    def wait(self, jobs: int, within_s: float) -> None:
        """Wait until this many jobs have succeeded. Raises PartFailed where one fails, or it takes too long."""
        deadline = time.monotonic() + within_s
        while len(self.ended_at) < jobs:
            for part in self._workers:
                self._read(part)
                part.check()
            if time.monotonic() > deadline:
                part = self._workers[0]
                raise PartFailed(part.name, f"ended {len(self.ended_at)} of {jobs} jobs", part.log_tail())
            time.sleep(_LOOK_S)

    def _read(self, part: Part) -> None:
        with part.log_file.open("rb") as log:
            log.seek(self._read_to[part.name])
            read = log.read()
        # The last line may be half written.
        whole = read[: read.rfind(b"\n") + 1]
        self._read_to[part.name] += len(whole)
        for line in whole.splitlines():
            # Most lines are of steps: only those that can be outcomes are worth decoding.
            if b'"job.' in line:
                self._note(part, json.loads(line))

    def _note(self, part: Part, fields: dict[str, Any]) -> None:
        if fields["event"] in _ENDED_BADLY:
            raise PartFailed(part.name, f"did not do a job: {fields}", "")
        if fields["event"] == "job.succeeded":
            self.ended_at.append(datetime.fromisoformat(fields["time"]))
            self.succeeded[part.name] += 1


@contextmanager
def frozen(parts: Sequence[Part]) -> Iterator[None]:
    """Hold these processes still while the block runs; they go on at the same moment."""
    for part in parts:
        os.kill(part.process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        for part in parts:
            os.kill(part.process_id, signal.SIGCONT)
