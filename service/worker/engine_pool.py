"""Run the engines of one worker: a bounded number of processes, each with a video or a batch of pictures."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from service import metrics
from service.engine.batch import Batch, Unfinished
from service.engine.command import EngineTask, flags
from service.engine.installed import Engine
from service.engine.picture_stream import PictureStream
from service.engine.run import EngineRun, run_engine
from service.errors import BadRequest, EngineTimeout, Interrupted
from service.logs import log
from service.sandbox.preparation import Prepared
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.settings import processors
from service.worker.cpu_slots import CpuSlots
from service.worker.engine_queue import LINGER_S, EngineQueue, Pending

AHEAD = 8
"""Pictures that a running engine has been handed and not measured; more are handed over within 0.2 s."""

T = TypeVar("T")


@dataclass(frozen=True)
class EngineRequest:
    """One media item to be measured, in the item's own folder.

    Attributes:
        label: names the item in logs, as a job's id.
        watch: called many times a second with the share of frames done; raises to give the item up: its run stops,
            unless it has other items.
        alone: in no batch, as a video, or an item that may have ended a worker.
    """

    task: EngineTask
    media: Prepared
    room: Path
    limits: ChildLimits
    label: str
    watch: Callable[[float], None] = lambda progress: None
    alone: bool = False

    def goes_with(self, other: EngineRequest) -> bool:
        """Whether one command line can ask for both."""
        return (self.engine, flags(self.task)) == (other.engine, flags(other.task))

    def check(self) -> None:
        """Raise where the item is to be given up."""
        self.watch(0.0)

    @property
    def engine(self) -> str:
        return self.task.options.engine


PendingRun = Pending[EngineRequest, EngineRun]

Steps = Generator[EngineRequest, EngineRun, T]
"""Work on one media item that yields its request to the engine and is sent the run, or thrown the error."""


class _AllGivenUp(Exception):
    """No item of a running batch is wanted any more."""


class EnginePool:
    """Runs engines for many items.

    Args:
        engine: the deployment's own.
        others: engines that jobs choose by name.
        processes: engine processes at once.
        batch: pictures that one process measures at most.
    """

    def __init__(
        self,
        engine: Engine,
        workspace: Workspace,
        *,
        processes: int,
        batch: int,
        others: Mapping[str, Engine] = MappingProxyType({}),
    ) -> None:
        self.engine = engine
        self._others = others
        self._batch = batch
        self._workspace = workspace
        self._cpus = CpuSlots(workspace.path.parent, quota=processors())
        self._share = max(1, self._cpus.count // processes)
        self._queue: EngineQueue[EngineRequest, EngineRun] = EngineQueue(
            self._run_all, slots=processes, largest=self._largest
        )
        self.expect, self.arrived = self._queue.expect, self._queue.arrived
        self.drop_given_up = self._queue.drop_given_up
        self.close = self._queue.close

    def named(self, name: str) -> Engine:
        """Return the engine that a job chose, the deployment's own for no name. Raises BadRequest."""
        if not name:
            return self.engine
        try:
            return self._others[name]
        except KeyError as error:
            raise BadRequest(f"this worker has no engine {name!r} (ENGINES_AVAILABLE)", "option_unavailable") from error

    def submit(self, request: EngineRequest) -> Future[EngineRun]:
        """Let the engine measure one media item, perhaps in a batch with others that wait.

        The future fails with BadRequest where this worker does not have the engine, with AnalysisError as
        `run_child` raises it, or with what the request's `watch` raised.
        """
        return self._queue.submit(request)

    def run(self, request: EngineRequest) -> EngineRun:
        """Wait for a run on this thread; where the wait is interrupted, the run is stopped."""
        interrupted = threading.Event()

        def watch(progress: float) -> None:
            if interrupted.is_set():
                raise Interrupted
            request.watch(progress)

        answer = self.submit(replace(request, watch=watch))
        try:
            return answer.result()
        except BaseException:
            interrupted.set()
            wait([answer])
            raise

    def _cpus_for(self, engine: Engine, task: EngineTask) -> AbstractContextManager[frozenset[int]]:
        """Take one processor; for an engine that uses more its share, and for a single video all that are free."""
        if not engine.is_parallel:
            return self._cpus.take(1)
        free = self._cpus.count // max(1, self._queue.load) if task.media == "video" else 0
        return self._cpus.take(max(self._share, free))

    def _largest(self, request: EngineRequest) -> int:
        """Return how many requests a run begins with; one that takes more later waits for none."""
        return 1 if self._is_streamed(request) else self._batch

    def _is_streamed(self, request: EngineRequest) -> bool:
        """Whether an engine takes this request, and others like it, while it is at work."""
        if request.alone or self._batch == 1 or request.task.media != "image":
            return False
        engine = self._others.get(request.engine) if request.engine else self.engine
        return engine is not None and engine.reads_lines

    def _run_all(self, batch: list[PendingRun]) -> None:
        wanted = [pending for pending in batch if not pending.is_given_up()]
        if wanted and self._is_streamed(wanted[0].request):
            while wanted:
                wanted = self._run_together(wanted, self._stream)
        while len(wanted) > 1:
            wanted = self._run_together(wanted, self._measure)
        for pending in wanted:
            self._run_alone(pending)

    def _run_alone(self, pending: PendingRun) -> None:
        if pending.is_given_up():
            return
        request = pending.request
        try:
            engine = self.named(request.engine)
            with self._cpus_for(engine, request.task) as cpus:
                limits = replace(request.limits, cpus=cpus)
                run = run_engine(engine, request.task, request.media, request.room, limits, request.watch)
        except BaseException as error:
            if isinstance(error, EngineTimeout):
                metrics.engine_restarted()
            pending.answer.set_exception(error)
            return
        if run.finished.signal:
            metrics.engine_restarted()
        pending.answer.set_result(run)

    def _run_together(
        self, batch: list[PendingRun], measure: Callable[[list[PendingRun], Path], Unfinished]
    ) -> list[PendingRun]:
        """Run one process over a batch, which may grow; return the items that have to be run again."""
        try:
            with self._workspace.room() as room:
                left = measure(batch, room)
        except _AllGivenUp:
            return []
        except BaseException as error:
            # Those that joined the batch are known here alone.
            for pending in batch:
                if not pending.answer.done():
                    pending.answer.set_exception(error)
            raise
        if left.culprit is not None:
            culprit = batch[left.culprit]
            log.warning("engine.batch_stopped", pictures=len(batch), at=left.culprit, job_id=culprit.request.label)
            metrics.engine_restarted()
            self._run_alone(culprit)
        return [batch[number] for number in left.rest if not batch[number].is_given_up()]

    def _measure(self, batch: list[PendingRun], room: Path) -> Unfinished:
        """Run one process over a batch, and answer each item as soon as its files are whole."""
        paths = [pending.request.media.path for pending in batch]
        pictures = [_linked(path, room / f"picture-{number:03d}{path.suffix}") for number, path in enumerate(paths)]
        _log_batch(batch)
        first = batch[0].request
        engine = self.named(first.engine)
        with self._cpus_for(engine, first.task) as cpus:
            run = Batch(engine, first.task, pictures, room, replace(first.limits, cpus=cpus))
            return run.run(partial(_answer, batch), partial(_check_some_wanted, batch))

    def _stream(self, batch: list[PendingRun], room: Path) -> Unfinished:
        """Run one process over a batch and over what comes meanwhile, which joins the batch."""
        first = batch[0].request
        engine = self.named(first.engine)
        feed = _Feed(self._queue, batch, self._batch, room)
        with self._cpus_for(engine, first.task) as cpus:
            run = PictureStream(engine, first.task, room, replace(first.limits, cpus=cpus))
            try:
                return run.run(feed.more, feed.answer, feed.check_some_wanted)
            finally:
                _log_batch(batch)


class _Feed:
    """The pictures of a running engine.

    Args:
        batch: what it begins with; then those that were handed over, `most` of them at most.
        room: the run's own folder.
    """

    def __init__(
        self, queue: EngineQueue[EngineRequest, EngineRun], batch: list[PendingRun], most: int, room: Path
    ) -> None:
        self._queue = queue
        self._batch = batch
        self._most = most
        self._room = room
        self._first, self._like = list(batch), batch[0].request
        self._done = 0
        self._idle_since = time.monotonic()
        batch.clear()

    def more(self, behind: int) -> Sequence[Path] | None:
        """See `PictureStream.run`: what waits, up to a few ahead; None once nothing is to come."""
        wanted = min(AHEAD - behind, self._most - len(self._batch)) - len(self._first)
        taken = [*self._first, *self._queue.take_more(self._like, wanted)]
        self._first.clear()
        paths = [path for pending in taken if (path := self._linked(pending))]
        if paths or behind:
            self._idle_since = time.monotonic()
            return paths
        is_over = len(self._batch) >= self._most or time.monotonic() - self._idle_since > LINGER_S
        # Of several, the next may still be on its way to the queue of jobs.
        comes = self._queue.expects_more or (len(self._batch) > 1 and self._queue.can_spare_an_engine)
        return None if is_over or not comes else ()

    def _linked(self, pending: PendingRun) -> Path | None:
        """Put a picture into the batch and its folder; None where it was given up, or that fails."""
        if pending.is_given_up():
            return None
        self._batch.append(pending)
        try:
            return _linked(pending.request.media.path, self._path(len(self._batch) - 1))
        except OSError as error:
            self._batch.pop()
            pending.answer.set_exception(error)
            return None

    def answer(self, number: int, run: EngineRun) -> None:
        """Answer a request whose files are whole."""
        self._done = number + 1
        self._path(number).unlink(missing_ok=True)
        _answer(self._batch, number, run)

    def check_some_wanted(self) -> None:
        """See `_check_some_wanted`; of those that are not done."""
        if self._done < len(self._batch):
            _check_some_wanted(self._batch[self._done :])

    def _path(self, number: int) -> Path:
        return self._room / f"item-{number:03d}{self._batch[number].request.media.path.suffix}"


def _log_batch(batch: Sequence[PendingRun]) -> None:
    log.info("engine.batch", pictures=len(batch), job_ids=[pending.request.label for pending in batch])


def _answer(batch: list[PendingRun], number: int, run: EngineRun) -> None:
    pending = batch[number]
    if not pending.answer.done():
        pending.answer.set_result(_moved(run, pending.request.room))


def _check_some_wanted(batch: Sequence[PendingRun]) -> None:
    """Give up the items that are not wanted any more. Raises _AllGivenUp where none is left."""
    still_wanted = [pending for pending in batch if not pending.is_given_up()]
    if not still_wanted:
        raise _AllGivenUp


def _linked(picture: Path, target: Path) -> Path:
    """Link the picture into the batch's own folder: its item's folder is removed when the item is given up."""
    try:
        os.link(picture, target)
    except OSError:
        shutil.copyfile(picture, target)
    return target


def _moved(run: EngineRun, room: Path) -> EngineRun:
    """Move the run's files into the item's own folder; the batch's folder is removed when the batch ends."""
    out_dir = room / "engine"
    out_dir.mkdir()
    for name in (f"{run.stem}.csv", f"{run.stem}_of_details.txt", f"{run.stem}_aligned"):
        if (run.out_dir / name).exists():
            (run.out_dir / name).rename(out_dir / name)
    return replace(run, out_dir=out_dir, log=run.log.rename(room / "openface.log"))
