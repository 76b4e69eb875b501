"""Run the engines of one worker: a bounded number of processes, each with a video or a batch of pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from service import metrics
from service.engine.batch import Batch
from service.engine.command import EngineTask, flags
from service.engine.installed import Engine
from service.engine.run import EngineRun, run_engine
from service.errors import AnalysisError, BadRequest, EngineTimeout
from service.logs import log
from service.sandbox.preparation import Prepared
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.worker.batching import Batcher, CallerGone, PendingRequest
from service.worker.cpu_slots import CpuSlots


@dataclass(frozen=True)
class EngineRequest:
    """One media item to be measured, in the item's own folder.

    Attributes:
        label: names the item in logs, as a job's id.
    """

    task: EngineTask
    media: Prepared
    room: Path
    limits: ChildLimits
    label: str

    def goes_with(self, other: EngineRequest) -> bool:
        """Whether one command line can ask for both."""
        return (self.engine, flags(self.task)) == (other.engine, flags(other.task))

    @property
    def engine(self) -> str:
        return self.task.options.engine


Pending = PendingRequest[EngineRequest, EngineRun]


class EnginePool:
    """Runs engines for callers on many threads.

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
        self._workspace = workspace
        self._cpus = CpuSlots(workspace.path.parent)
        self._share = max(1, self._cpus.count // processes)
        self._batcher: Batcher[EngineRequest, EngineRun] = Batcher(
            self._run_all, slots=processes, largest=batch, go_together=EngineRequest.goes_with, name="engine"
        )

    def named(self, name: str) -> Engine:
        """Return the engine that a job chose, the deployment's own for no name. Raises BadRequest."""
        if not name:
            return self.engine
        try:
            return self._others[name]
        except KeyError as error:
            raise BadRequest(f"this worker has no engine {name!r} (ENGINES_AVAILABLE)", "option_unavailable") from error

    def run(self, request: EngineRequest, watch: Callable[[float], None], *, alone: bool = False) -> EngineRun:
        """Run the engine on one media item, perhaps in a batch with others that wait.

        Args:
            watch: called many times a second with the share of frames done; may raise, and then the item is given
                up: its run stops, unless it has other items.
            alone: in no batch, since the item may have ended a worker. Videos always are.

        Raises:
            BadRequest: this worker does not have the engine.
            AnalysisError: see `run_child`.
        """
        self.named(request.engine)
        return self._batcher.call(request, watch, alone=alone or request.task.media == "video")

    def _cpus_for(self, engine: Engine) -> AbstractContextManager[frozenset[int]]:
        return self._cpus.take(self._share if engine.is_parallel else 1)

    def _run_all(self, batch: list[Pending]) -> None:
        while len(batch) > 1:
            batch = self._run_batch(batch)
        for pending in batch:
            self._run_alone(pending)

    def _run_alone(self, pending: Pending) -> None:
        def watch(progress: float) -> None:
            pending.progress = progress
            if pending.is_dropped:
                raise CallerGone

        if not self._batcher.keep_caller(pending):
            return
        request = pending.request
        try:
            engine = self.named(request.engine)
            with self._cpus_for(engine) as cpus:
                limits = replace(request.limits, cpus=cpus)
                run = run_engine(engine, request.task, request.media, request.room, limits, watch)
            if run.finished.signal:
                metrics.engine_restarted()
            pending.end(run)
        except (AnalysisError, CallerGone) as error:
            if isinstance(error, EngineTimeout):
                metrics.engine_restarted()
            pending.fail(error)

    def _run_batch(self, batch: list[Pending]) -> list[Pending]:
        """Run one process over a batch; return the items that have to be run again."""

        def watch() -> None:
            if all(pending.is_dropped for pending in batch):
                raise CallerGone

        def on_done(number: int, run: EngineRun) -> None:
            pending = batch[number]
            with self._batcher.lock:
                if not pending.is_dropped:
                    pending.end(_moved(run, pending.request.room))

        first = batch[0].request
        with self._workspace.room() as room:
            pictures = [_linked(pending.request.media.path, room, number) for number, pending in enumerate(batch)]
            log.info("engine.batch", pictures=len(batch), job_ids=[pending.request.label for pending in batch])
            try:
                engine = self.named(first.engine)
                with self._cpus_for(engine) as cpus:
                    limits = replace(first.limits, cpus=cpus)
                    left = Batch(engine, first.task, pictures, room, limits).run(on_done, watch)
            except CallerGone:
                return []
        if left.culprit is not None:
            culprit = batch[left.culprit]
            log.warning("engine.batch_stopped", pictures=len(batch), at=left.culprit, job_id=culprit.request.label)
            metrics.engine_restarted()
            self._run_alone(culprit)
        return [batch[number] for number in left.rest]


def _linked(picture: Path, room: Path, number: int) -> Path:
    """Link the picture into the batch's own folder: its item's folder may be removed before the batch ends."""
    target = room / f"picture-{number:03d}{picture.suffix}"
    try:
        os.link(picture, target)
    except FileNotFoundError:
        # Its caller has just gone; the engine stops there, and the rest is run again.
        return target
    except OSError:
        shutil.copyfile(picture, target)
    return target


def _moved(run: EngineRun, room: Path) -> EngineRun:
    """Move the run's files into the item's own folder; the batch's folder is removed when the batch ends."""
    out_dir = room / "engine"
    out_dir.mkdir()
    for name in (f"{run.stem}.csv", f"{run.stem}_of_details.txt"):
        if (run.out_dir / name).exists():
            (run.out_dir / name).rename(out_dir / name)
    return replace(run, out_dir=out_dir, log=run.log.rename(room / "openface.log"))
