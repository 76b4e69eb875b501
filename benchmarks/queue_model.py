"""The queue, its workers and the rule that scales them, as a discrete-event model.

What is modelled: a worker's growing pause between looks, engines that start with a few pictures and take more of those
that wait one by one (`service.worker.engine_pool`), results that are published one by one, cold starts, and a scaler
that looks at the queue's length every so often, counts messages in work too, and never stops a busy worker (Container
Apps jobs, KEDA's ScaledJob: workers leave by themselves when nothing has come for a while).

What is not: failures, a slow or refusing storage account, the web server, and workers that hold messages which another
one could begin with.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from benchmarks.service_times import ServiceTimes
from service.worker.engine_pool import AHEAD
from service.worker.receiver import IDLE_FIRST_S, IDLE_GROWTH, IDLE_LONGEST_S


class Job(NamedTuple):
    """One job: when it is submitted, and how many seconds of video it is; 0: a picture."""

    at: float
    media_s: float = 0.0


@dataclass(frozen=True)
class Rule:
    """How many workers there are.

    Attributes:
        messages_each: messages for which one worker is wanted (KEDA's `queueLength`).
        poll_s: between two looks of the scaler (`pollingInterval`).
        leave_after_s: without work, until a worker ends (`worker --until-idle`; an app's `cooldownPeriod`).
        least, most: workers, whatever waits.
        cold_start_s: from the scaler's decision to the worker's first look into the queue.
    """

    messages_each: int = 3
    poll_s: float = 30.0
    leave_after_s: float = 60.0
    least: int = 0
    most: int = 10
    cold_start_s: float = 30.0


@dataclass
class Outcome:
    """What came of it; times in seconds.

    Attributes:
        latencies: from submission to success, of every job in the order of their ends.
        worker_s: all workers' lives, from the scaler's decision.
        busy_s: of their engines, all added up.
        ended: when the last job was done.
    """

    latencies: list[float] = field(default_factory=list)
    most_waiting: int = 0
    most_workers: int = 0
    worker_s: float = 0.0
    busy_s: float = 0.0
    ended: float = 0.0

    def percentiles(self) -> NDArray[np.float64]:
        """p50, p95 and p99 of the latencies."""
        return np.percentile(self.latencies, (50, 95, 99))


@dataclass(eq=False)
class _Worker:
    began: float
    busy: int = 0
    looking: int = 0
    took_at: float = 0.0
    worked_at: float = 0.0
    looks_at: float = 0.0
    is_gone: bool = False


@dataclass(eq=False)
class _Rest:
    """An engine that has nothing to do."""

    worker: _Worker
    woken: simpy.Event


class Model:
    """One run of it.

    Args:
        engines: of a worker, each with a processor of its own.
        batch: pictures that one engine process measures, at most.
    """

    def __init__(self, times: ServiceTimes, rule: Rule, *, engines: int, batch: int, seed: int = 0) -> None:
        self._times = times
        self._rule = rule
        self._engines = engines
        self._batch = batch
        self._random = random.Random(seed)
        self._env = simpy.Environment()
        self._pictures: deque[Job] = deque()
        self._videos: deque[Job] = deque()
        self._in_work = 0
        self._living: list[_Worker] = []
        self._resting: list[_Rest] = []
        self._all_done = self._env.event()
        self._to_do = 0
        self._outcome = Outcome()

    def run(self, jobs: Iterable[Job], until_s: float = 0.0) -> Outcome:
        """All jobs, to the last one's end and at least until then; workers that live then are paid so far."""
        jobs = list(jobs)
        self._to_do = len(jobs)
        self._env.process(self._arrive(jobs))
        for _ in range(self._rule.least):
            self._start_worker(cold_s=0.0)
        self._env.process(self._scale())
        if jobs:
            self._env.run(self._all_done)
        self._outcome.ended = self._env.now
        if until_s > self._env.now:
            self._env.run(until_s)
        self._outcome.worker_s += sum(self._env.now - worker.began for worker in self._living)
        return self._outcome

    @property
    def _waiting(self) -> int:
        return len(self._pictures) + len(self._videos)

    def _arrive(self, jobs: list[Job]) -> Generator[simpy.Event, Any, None]:
        for job in jobs:
            if job.at > self._env.now:
                yield self._env.timeout(job.at - self._env.now)
            (self._videos if job.media_s else self._pictures).append(job)
            self._outcome.most_waiting = max(self._outcome.most_waiting, self._waiting)
            self._wake_one()

    def _wake_one(self) -> None:
        """Of the engines that rest, that of the worker that looks next: the others would find nothing."""
        if self._resting:
            first = min(self._resting, key=lambda rest: self._next_look(rest.worker))
            self._resting.remove(first)
            first.worker.looking += 1
            first.woken.succeed()

    def _scale(self) -> Generator[simpy.Event, Any, None]:
        rule = self._rule
        # Anywhere between two looks, as submissions fall.
        yield self._env.timeout(self._random.uniform(0, rule.poll_s))
        while True:
            wanted = math.ceil((self._waiting + self._in_work) / rule.messages_each)
            for _ in range(min(wanted, rule.most) - len(self._living)):
                self._start_worker(rule.cold_start_s)
            yield self._env.timeout(rule.poll_s)

    def _start_worker(self, cold_s: float) -> None:
        worker = _Worker(self._env.now)
        self._living.append(worker)
        self._outcome.most_workers = max(self._outcome.most_workers, len(self._living))
        for _ in range(self._engines):
            self._env.process(self._engine(worker, cold_s))

    def _engine(self, worker: _Worker, cold_s: float) -> Generator[simpy.Event, Any, None]:
        yield self._env.timeout(cold_s)
        worker.worked_at = worker.took_at = self._env.now
        while not worker.is_gone:
            if taken := self._take(worker):
                worker.took_at = self._env.now
                yield from self._work(worker, taken)
            else:
                yield from self._rest(worker)

    def _rest(self, worker: _Worker) -> Generator[simpy.Event, Any, None]:
        """Until something has come and the worker looks, or until it leaves."""
        rest = _Rest(worker, self._env.event())
        self._resting.append(rest)
        rested_s = self._env.now - worker.worked_at
        yield rest.woken | self._env.timeout(max(0.0, self._rule.leave_after_s - rested_s))
        if worker.is_gone:
            return
        if not (rest.woken.triggered or worker.busy or worker.looking) and len(self._living) > self._rule.least:
            self._leave(worker)
            return
        # Kept by the rule, or its other engine works: until something comes.
        yield rest.woken
        yield self._env.timeout(max(0.0, self._next_look(worker) - self._env.now))
        worker.looking -= 1

    def _next_look(self, worker: _Worker) -> float:
        """When; a worker's engines look together, and the pause has grown geometrically since it received something."""
        now = self._env.now
        if worker.looks_at < now:
            rested_s = now - worker.took_at
            pause_s = min(IDLE_LONGEST_S, IDLE_FIRST_S + (IDLE_GROWTH - 1) * rested_s)
            worker.looks_at = now + self._random.uniform(0, pause_s)
        return worker.looks_at

    def _leave(self, worker: _Worker) -> None:
        worker.is_gone = True
        self._resting = [rest for rest in self._resting if rest.worker is not worker]
        self._living.remove(worker)
        self._outcome.worker_s += self._env.now - worker.began

    def _take(self, worker: _Worker) -> list[Job]:
        """The job that waits longest, and pictures that go with it: a fair share for each engine that is free."""
        if not self._waiting:
            return []
        if not self._pictures or (self._videos and self._videos[0].at <= self._pictures[0].at):
            return [self._videos.popleft()]
        share = math.ceil(len(self._pictures) / (self._engines - worker.busy))
        return [self._pictures.popleft() for _ in range(min(self._batch, share, AHEAD))]

    def _work(self, worker: _Worker, jobs: list[Job]) -> Generator[simpy.Event, Any, None]:
        worker.busy += 1
        self._in_work += len(jobs)
        began = self._env.now
        media_s = jobs[0].media_s
        start_s = self._times.video_start_s if media_s else self._times.photo_start_s
        yield self._env.timeout(start_s)
        # Grows while it is worked through.
        for job in jobs:
            yield self._env.timeout(media_s * self._times.video_each_s if media_s else self._times.photo_each_s)
            # What is beside the engine keeps the job's owner waiting, and no engine.
            self._outcome.latencies.append(self._env.now + self._times.beside_s - job.at)
            self._in_work -= 1
            self._to_do -= 1
            if not media_s and self._pictures and len(jobs) < self._batch:
                jobs.append(self._pictures.popleft())
                self._in_work += 1
                worker.took_at = self._env.now
        worker.busy -= 1
        worker.worked_at = self._env.now
        self._outcome.busy_s += self._env.now - began
        if not self._to_do:
            self._all_done.succeed()
