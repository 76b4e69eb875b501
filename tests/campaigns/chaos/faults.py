"""Faults injected into the running parts: each kind a thread of its own, with a schedule from the seed."""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

from infra.local.part import Part, PartFailed
from infra.local.stack import LocalStack
from tests.campaigns.chaos.clocks import Clocks
from tests.campaigns.chaos.disk import fill
from tests.campaigns.chaos.evidence import QUEUE
from tests.campaigns.chaos.hostile_messages import hostile_text
from tests.campaigns.chaos.storage_proxy import STORMS, StorageProxy

Span = tuple[float, float]
"""Seconds, at least and at most."""

CLOCK_AT_START_S, CLOCK_LATER_S, CLOCK_OF_WEB_S = 240.0, 900.0, 60.0
"""How far clocks are ahead or behind at most: over five minutes a worker does not start."""

NOTICED_S = 20.0
"""How long a storm lasts at most until it has met a request."""
WAIT_FOR_WORK_S = 3.0
"""A worker without work is killed and frozen too, but proves little."""


@dataclass(frozen=True)
class Schedule:
    """How often each fault comes, and how long it lasts.

    Attributes:
        most: of each kind.
        kills, freezes, disk_full: pauses between two of a kind, as long as there is work.
        freeze_s: longer than the lease.
        outages, outages_apart: number of storage outages, and the seconds between them.
        web_restarts_apart: pauses between restarts of the web server.
        child_kills: pauses between kills of one decoder or engine of a worker.
        web_kills: pauses between kills of the web server, which end requests between record and message.
        hostile: pauses between messages that are no jobs.
        storms, storm_s: pauses between storms of storage, and how long one lasts.
        storm_share: of the requests inside a storm that meet its fault.
        clock_steps: pauses between steps of one part's clock.
        full_worker: number of the worker whose disk is filled; None for none.
    """

    most: float
    kills: Span
    freezes: Span
    freeze_s: Span
    outages: int
    outages_apart: Span
    outage_s: Span
    web_restarts_apart: Span
    disk_full: Span
    disk_full_s: Span
    child_kills: Span
    web_kills: Span
    hostile: Span
    storms: Span
    storm_s: Span
    storm_share: float
    clock_steps: Span
    full_worker: int | None


class Faults:
    """Runs the schedule over a stack until it is told to stop.

    Attributes:
        counts: of each kind, as the report names it.
        hostile, hostile_sent: texts put into the queue, and those of them that it surely has.
        trouble: failures that the campaign did not cause: a part that ended by itself, or did not start again.
    """

    def __init__(
        self, stack: LocalStack, schedule: Schedule, seed: int, proxy: StorageProxy, clocks: Clocks | None
    ) -> None:
        self._stack = stack
        self._proxy = proxy
        self._clocks = clocks
        self._schedule = schedule
        self._seed = seed
        self._workers = [(stack.worker(n), threading.Lock()) for n in range(stack.options.workers)]
        self._web_lock = threading.Lock()
        self._ended = threading.Event()
        self.counts: Counter[str] = Counter()
        self.trouble: list[str] = []
        self.hostile: list[str] = []
        self.hostile_sent: list[str] = []
        kinds = [
            self._kill,
            self._freeze,
            self._cut_off,
            self._restart_web,
            self._fill_disk,
            self._kill_child,
            self._kill_web,
            self._send_hostile,
            self._storm,
            self._step_clock,
        ]
        self._threads = [threading.Thread(target=self._guarded, args=(kind,), name=kind.__name__) for kind in kinds]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def are_endless(self) -> bool:
        """They go on until they are stopped."""
        return math.isinf(self._schedule.most)

    @property
    def are_done(self) -> bool:
        """There have been as many as were asked for; endless ones never keep a run from its end."""
        return self.are_endless or not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """No more faults; what is under way is ended, so that every part runs."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self.look()

    def look(self) -> None:
        """Note parts that ended by themselves."""
        for part, lock in [*self._workers, (self._stack.web, self._web_lock)]:
            if lock.acquire(blocking=False):
                try:
                    self._note_ended(part)
                finally:
                    lock.release()

    def _note_ended(self, part: Part) -> None:
        try:
            part.check()
        except PartFailed as error:
            self.trouble.append(str(error))
            # The others' fate is worth seeing too.
            with suppress(PartFailed):
                self._set_clock(part, 0.0)
                part.start()

    def _guarded(self, kind: Callable[[random.Random], None]) -> None:
        # Of each kind's own: threads that share one would make the schedule depend on the weather.
        try:
            kind(random.Random(f"{self._seed}:{kind.__name__}"))
        except PartFailed as error:
            self.trouble.append(str(error))

    def _kill(self, chance: random.Random) -> None:
        for _ in self._pauses(chance, self._schedule.kills):
            with self._any_worker(chance) as worker:
                if worker is not None:
                    worker.kill()
                    self._set_clock(worker, chance.uniform(-CLOCK_AT_START_S, CLOCK_AT_START_S))
                    worker.start()
                    self.counts["kills"] += 1

    def _freeze(self, chance: random.Random) -> None:
        for _ in self._pauses(chance, self._schedule.freezes):
            with self._any_worker(chance) as worker:
                if worker is not None:
                    os.kill(worker.process_id, signal.SIGSTOP)
                    # Not cut short: one that is thawed inside its lease has seen no fault.
                    time.sleep(chance.uniform(*self._schedule.freeze_s))
                    os.kill(worker.process_id, signal.SIGCONT)
                    self.counts["freezes"] += 1

    def _cut_off(self, chance: random.Random) -> None:
        pauses = self._pauses(chance, self._schedule.outages_apart)
        for _ in zip(range(self._schedule.outages), pauses, strict=False):
            self._stack.azurite.stop()
            time.sleep(chance.uniform(*self._schedule.outage_s))
            self._stack.azurite.start()
            self.counts["outages"] += 1

    def _restart_web(self, chance: random.Random) -> None:
        for _ in self._pauses(chance, self._schedule.web_restarts_apart):
            with self._web_lock:
                self._stack.web.stop()
                # Not until it is ready: that takes storage, which may be away just now.
                self._stack.web.spawn()
            self.counts["web restarts"] += 1

    def _fill_disk(self, chance: random.Random) -> None:
        number = self._schedule.full_worker
        if number is None:
            return
        workspace = self._stack.run_folder / f"workspace-{number}"
        for _ in self._pauses(chance, self._schedule.disk_full):
            fill(workspace, chance.uniform(*self._schedule.disk_full_s))
            self.counts["full disks"] += 1

    def _kill_child(self, chance: random.Random) -> None:
        for _ in self._pauses(chance, self._schedule.child_kills):
            with self._any_worker(chance) as worker:
                if worker is not None and (children := _children(worker)):
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(children), signal.SIGKILL)
                        self.counts["killed children"] += 1

    def _kill_web(self, chance: random.Random) -> None:
        for _ in self._pauses(chance, self._schedule.web_kills):
            with self._web_lock:
                self._stack.web.kill()
                self._stack.web.spawn()
            self.counts["web kills"] += 1

    def _send_hostile(self, chance: random.Random) -> None:
        with QueueServiceClient.from_connection_string(self._stack.connection_string, retry_total=0) as queues:
            queue = queues.get_queue_client(QUEUE)
            for _ in self._pauses(chance, self._schedule.hostile):
                text = hostile_text(chance)
                # Noted first: one whose answer was lost may have been received all the same.
                self.hostile.append(text)
                with suppress(AzureError):
                    queue.send_message(text, time_to_live=-1)
                    self.hostile_sent.append(text)
                    self.counts["hostile messages"] += 1

    def _storm(self, chance: random.Random) -> None:
        for number, _ in enumerate(self._pauses(chance, self._schedule.storms, len(STORMS))):
            kind = STORMS[number % len(STORMS)]
            before, until = self._proxy.counts[kind], time.monotonic() + NOTICED_S
            with self._proxy.storm(kind, self._schedule.storm_share):
                self._ended.wait(chance.uniform(*self._schedule.storm_s))
                # Storage may be stopped meanwhile, or the load a low one.
                while self._proxy.counts[kind] == before and time.monotonic() < until and not self._ended.wait(0.1):
                    pass
            self.counts["storms"] += 1

    def _step_clock(self, chance: random.Random) -> None:
        if self._clocks is None:
            return
        for number, _ in enumerate(self._pauses(chance, self._schedule.clock_steps, 2)):
            if number % 4 == 3:
                self._set_clock(self._stack.web, chance.uniform(-CLOCK_OF_WEB_S, CLOCK_OF_WEB_S))
            else:
                with self._any_worker(chance) as worker:
                    if worker is None:
                        continue
                    self._set_clock(worker, chance.uniform(-CLOCK_LATER_S, CLOCK_LATER_S))
            self.counts["clock steps"] += 1

    def _set_clock(self, part: Part, seconds_ahead: float) -> None:
        if self._clocks:
            self._clocks.set(part.name, seconds_ahead)

    def _pauses(self, chance: random.Random, span: Span, sorts: int = 1) -> Iterator[None]:
        """Wait before each fault; `sorts`: there are as many sorts of it, each as often as others."""
        times = 0
        while times < self._schedule.most * sorts and not self._ended.wait(chance.uniform(*span)):
            times += 1
            yield

    @contextmanager
    def _any_worker(self, chance: random.Random) -> Iterator[Part | None]:
        """One that no other fault has in its hands, at work if any is; None where the run ends before one is free."""
        deadline = time.monotonic() + WAIT_FOR_WORK_S
        while not any(_is_at_work(worker) for worker, _ in self._workers) and time.monotonic() < deadline:
            time.sleep(0.02)
        workers = list(self._workers)
        chance.shuffle(workers)
        while not self._ended.is_set():
            for worker, lock in sorted(workers, key=lambda own: not _is_at_work(own[0])):
                if lock.acquire(blocking=False):
                    try:
                        yield worker
                    finally:
                        lock.release()
                    return
            self._ended.wait(0.1)
        yield None


def _children(worker: Part) -> list[int]:
    """Processes that a worker has started: engines, decoders."""
    try:
        return [child.pid for child in psutil.Process(worker.process_id).children()]
    except (PartFailed, psutil.Error):
        return []


def _is_at_work(worker: Part) -> bool:
    """It has an engine or a decoder running."""
    try:
        number = worker.process_id
        return bool(Path(f"/proc/{number}/task/{number}/children").read_text())
    except (PartFailed, OSError):
        return False
