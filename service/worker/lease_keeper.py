"""Renew the leases of everything in hand: one thread, which sleeps until the next one is due."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from service.worker.lease import Lease

AT_ONCE = 4
"""Renewals at once, so that one that storage keeps waiting delays no others."""


class LeaseKeeper:
    """A heap of leases by their due times; use as a context manager around a worker's life.

    Args:
        on_stopped: called after a lease has stopped its work, as by a cancellation.
    """

    def __init__(self, on_stopped: Callable[[], None] = lambda: None) -> None:
        self._on_stopped = on_stopped
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Lease]] = []
        self._number = itertools.count()
        self._ended = False
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._renewing = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lease")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        self._renewing.shutdown()

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[Lease]:
        """Renew a lease for as long as the block lasts."""
        self._put(lease)
        try:
            yield lease
        finally:
            lease.end()

    def _put(self, lease: Lease) -> None:
        with self._changed:
            heapq.heappush(self._due, (lease.next_due, next(self._number), lease))
            self._changed.notify()

    def _keep(self) -> None:
        while lease := self._next():
            self._renewing.submit(self._renew, lease)

    def _next(self) -> Lease | None:
        """Wait for the next lease that is due; None at the end."""
        with self._changed:
            while not self._ended:
                left_s = self._due[0][0] - time.monotonic() if self._due else None
                if left_s is not None and left_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left_s)
            return None

    def _renew(self, lease: Lease) -> None:
        if lease.renew_if_due():
            self._put(lease)
        elif lease.is_stopped:
            self._on_stopped()
