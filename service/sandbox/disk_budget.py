"""Share a disk among the media in hand by their bytes: large media wait their turn, oldest first.

By bytes and not by count: a dozen clips fit where three recordings of an hour do not.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COPIES = 2
"""Times the size of its file that an item may take: an upright copy, or the tables, beside the file."""
LARGE_BYTES = 64 << 20
"""Smaller items count, and do not wait: they are done in a moment."""
CHECK_S = 1.0
"""How often a waiting item is checked for being given up."""


class DiskShare:
    """One item's share, empty until it is taken."""

    def __init__(self, budget: DiskBudget) -> None:
        self._budget = budget
        self.bytes = 0

    def take(self, file_bytes: int, check: Callable[[], None]) -> None:
        """Wait until there is room for a file of this size; once. `check` may raise to give up."""
        if not self.bytes and file_bytes:
            self._budget.take(self, COPIES * file_bytes, check)


class DiskBudget:
    """The bytes that all items of this process may take together.

    An item that is larger than all of it is let in when no other large one is there.
    """

    def __init__(self, most_bytes: int, large_bytes: int = LARGE_BYTES) -> None:
        self._most = most_bytes
        self._large = large_bytes
        self._changed = threading.Condition()
        self._shares: set[DiskShare] = set()
        self._waiting: deque[DiskShare] = deque()

    @contextmanager
    def share(self) -> Iterator[DiskShare]:
        """Make a share that is given back at the end of the block."""
        share = DiskShare(self)
        try:
            yield share
        finally:
            with self._changed:
                self._shares.discard(share)
                self._changed.notify_all()

    def take(self, share: DiskShare, wanted: int, check: Callable[[], None]) -> None:
        """Wait for the bytes; `check` may raise meanwhile."""
        with self._changed:
            if wanted >= self._large:
                self._wait(share, wanted, check)
            share.bytes = wanted
            self._shares.add(share)

    def _wait(self, share: DiskShare, wanted: int, check: Callable[[], None]) -> None:
        self._waiting.append(share)
        try:
            while not self._changed.wait_for(lambda: self._waiting[0] is share and self._fits(wanted), CHECK_S):
                check()
        finally:
            self._waiting.remove(share)
            self._changed.notify_all()

    def _fits(self, wanted: int) -> bool:
        has_large = any(share.bytes >= self._large for share in self._shares)
        return not has_large or sum(share.bytes for share in self._shares) + wanted <= self._most
