"""Choose the processors of each engine run, so that engines do not crowd one while another is idle.

OpenFace runs OpenCV's parallel loops on TBB, which starts a thread for each processor in the process's mask and ignores
OMP_NUM_THREADS. So each run gets a mask of its own. Workers that share a WORKSPACE take turns by locked files in it;
others, as in containers of one host, are seen by the load of each processor.
"""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MOST_ENGINES = 64
"""Engines that share one processor at most; further ones run without a lock."""
FRESH_S = 0.05
"""Shortest interval over which load is measured."""
STAT = Path("/proc/stat")

Times = dict[int, tuple[float, float]]
"""By processor: ticks busy, ticks in all."""


class CpuSlots:
    """The processors of this worker, each with numbered slots that engines lock.

    Args:
        folder: of the lock files; shared by the workers of one host where it can be.
        cpus: processors that this process may use; None for those of its mask.
        quota: processors that it may keep busy, which a container counts apart from its mask; None for as many.
    """

    def __init__(self, folder: Path, cpus: frozenset[int] | None = None, quota: int | None = None) -> None:
        self._folder = folder
        self._cpus = sorted(cpus if cpus is not None else _usable())
        self._quota = len(self._cpus) if quota is None else quota
        self._lock = threading.Lock()
        self._times, self._measured = _times(), time.monotonic()
        self._load = dict.fromkeys(self._cpus, 0.0)

    @property
    def count(self) -> int:
        """Processors that can be kept busy at once: more in a mask would only wait for the container's quota."""
        return min(len(self._cpus), self._quota)

    @contextmanager
    def take(self, count: int = 1) -> Iterator[frozenset[int]]:
        """Lock this number of processors, the least used first; empty where masks are not to be had."""
        with ExitStack() as locks:
            yield frozenset(self._take(min(count, self.count), locks))

    def _take(self, count: int, locks: ExitStack) -> list[int]:
        with self._lock:
            load = self._measure()
            chosen: list[int] = []
            places = [(slot, cpu) for slot in range(MOST_ENGINES) for cpu in self._cpus]
            # Load counts for as much as one engine: it may be that of a worker whose locks are not seen here.
            for slot, cpu in sorted(places, key=lambda place: (max(place[0], load[place[1]]), random.random())):
                if len(chosen) == count:
                    break
                if cpu not in chosen and self._has_locked(cpu, slot, locks):
                    chosen.append(cpu)
            return chosen

    def _has_locked(self, cpu: int, slot: int, locks: ExitStack) -> bool:
        try:
            file = (self._folder / f"cpu-{cpu}-{slot}.lock").open("a")
        except OSError:
            return True  # without a place for locks, load alone decides
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        locks.enter_context(file)
        return True

    def _measure(self) -> dict[int, float]:
        """Share of time that each processor was busy since the last measurement, in tenths."""
        if time.monotonic() - self._measured < FRESH_S:
            return self._load
        now = _times()
        for cpu in self._cpus:
            if cpu in now and cpu in self._times:
                busy, total = (new - old for new, old in zip(now[cpu], self._times[cpu], strict=True))
                self._load[cpu] = round(busy / total, 1) if total else self._load[cpu]
        self._times, self._measured = now, time.monotonic()
        return self._load


def _usable() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def _times() -> Times:
    """Read the ticks of every processor; empty where the system does not tell."""
    found: Times = {}
    try:
        lines = STAT.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name != "cpu":
            ticks = [float(value) for value in rest.split()[:8]]
            found[int(name.removeprefix("cpu"))] = sum(ticks) - sum(ticks[3:5]), sum(ticks)
    return found
