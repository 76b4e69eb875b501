"""Share the number of connections of each server process among all of them."""

from __future__ import annotations

import mmap
from array import array

PROCESSES = 128
"""Numbers of processes that are told apart; a server has at most 64 at a time, and counts on when one is replaced."""
GONE = 0
"""A process that is not there; any other has one more than its connections."""

LEAD = 1


class Shares:
    """Counts in memory that processes share; each writes its own alone. Made before the processes start."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, PROCESSES * array("i").itemsize)).cast("i")

    def begin(self, number: int) -> None:
        """Count a new process, without connections."""
        self._counts[number % PROCESSES] = 1

    def end(self, number: int) -> None:
        """Count the process of this number no more."""
        self._counts[number % PROCESSES] = GONE

    def set(self, number: int, connections: int) -> None:
        """Set the number of connections of the process of this number."""
        self._counts[number % PROCESSES] = 1 + connections

    def is_ahead(self, number: int) -> bool:
        """Whether another process has fewer connections than this one, by more than `LEAD`."""
        mine = self._counts[number % PROCESSES]
        return any(GONE < count < mine - LEAD for count in self._counts)
