"""The engines of one worker: so many processes at once, each with a video or with pictures that wait together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from service import metrics
from service.engine.batch import Batch
from service.engine.installed import Engine
from service.engine.run import EngineRun, run_engine
from service.errors import AnalysisError, EngineTimeout
from service.jobs.job import AnalysisJob
from service.logs import log
from service.sandbox.media import Prepared
from service.sandbox.process import ChildLimits
from service.sandbox.workspace import Workspace
from service.worker.batching import Batcher, CallerGone, PendingRequest


@dataclass(frozen=True)
class EngineRequest:
    """What an engine is to do: one media item, in the item's own folder."""

    job: AnalysisJob
    media: Prepared
    room: Path
    limits: ChildLimits

    def goes_with(self, other: EngineRequest) -> bool:
        """Whether one command line can ask for both."""
        mine, theirs = self.job, other.job
        return (mine.media_type, mine.options.multi_view) == (theirs.media_type, theirs.options.multi_view)


class EnginePool:
    """Runs engines for callers on many threads.

    Args:
        engines: processes at once.
        batch: pictures that one process takes at most.
    """

    def __init__(self, engine: Engine, workspace: Workspace, *, engines: int, batch: int) -> None:
        self.engine = engine
        self._workspace = workspace
        self._gather: Batcher[EngineRequest, EngineRun] = Batcher(
            self._see_through, turns=engines, most=batch, go_together=EngineRequest.goes_with, name="engine"
        )

    def run(self, measure: EngineRequest, watch: Callable[[float], None], *, alone: bool = False) -> EngineRun:
        """Run the engine on one media item, perhaps together with others that wait.

        Args:
            watch: told the share of frames done many times a second; may raise, and then the item is given up: its
                run stops, unless others are in it.
            alone: not together with others, since it may have brought a worker down. Videos always are.

        Raises:
            AnalysisError: as `run_child`.
        """
        return self._gather.ask(measure, watch, alone=alone or measure.job.media == "video")

    def _see_through(self, taken: list[PendingRequest[EngineRequest, EngineRun]]) -> None:
        while len(taken) > 1:
            taken = self._run_batch(taken)
        for asked in taken:
            self._run_alone(asked)

    def _run_alone(self, asked: PendingRequest[EngineRequest, EngineRun]) -> None:
        def watch(progress: float) -> None:
            asked.progress = progress
            if asked.is_dropped:
                raise CallerGone

        if not self._gather.keep(asked):
            return
        measure = asked.question
        try:
            run = run_engine(self.engine, measure.job, measure.media, measure.room, measure.limits, watch)
            if run.finished.signal:
                metrics.engine_restarted()
            asked.end(run)
        except (AnalysisError, CallerGone) as error:
            if isinstance(error, EngineTimeout):
                metrics.engine_restarted()
            asked.fail(error)

    def _run_batch(
        self, taken: list[PendingRequest[EngineRequest, EngineRun]]
    ) -> list[PendingRequest[EngineRequest, EngineRun]]:
        """One process over these; returns those that have to be run again."""

        def watch() -> None:
            if all(asked.is_dropped for asked in taken):
                raise CallerGone

        def on_done(number: int, run: EngineRun) -> None:
            asked = taken[number]
            with self._gather.lock:
                if not asked.is_dropped:
                    asked.end(_moved(run, asked.question.room))

        first = taken[0].question
        with self._workspace.room() as room:
            pictures = [_linked(asked.question.media.path, room, number) for number, asked in enumerate(taken)]
            log.info("engine.batch", pictures=len(taken), job_ids=[asked.question.job.job_id for asked in taken])
            try:
                left = Batch(self.engine, first.job, pictures, room, first.limits).run(on_done, watch)
            except CallerGone:
                return []
        if left.culprit is not None:
            culprit = taken[left.culprit].question.job
            log.warning("engine.batch_stopped", pictures=len(taken), at=left.culprit, job_id=culprit.job_id)
            metrics.engine_restarted()
            self._run_alone(taken[left.culprit])
        return [taken[number] for number in left.rest]


def _linked(picture: Path, room: Path, number: int) -> Path:
    """The picture under a name of this batch, in its own folder: its item's may go before the batch ends."""
    target = room / f"picture-{number:03d}{picture.suffix}"
    try:
        os.link(picture, target)
    except FileNotFoundError:
        # Its asker has just gone; the engine stops there, and goes on behind it.
        return target
    except OSError:
        shutil.copyfile(picture, target)
    return target


def _moved(run: EngineRun, room: Path) -> EngineRun:
    """The run with its files in the item's own folder; the batch's goes when the batch ends."""
    out_dir = room / "engine"
    out_dir.mkdir()
    for name in (f"{run.stem}.csv", f"{run.stem}_of_details.txt"):
        if (run.out_dir / name).exists():
            (run.out_dir / name).rename(out_dir / name)
    return replace(run, out_dir=out_dir, log=run.log.rename(room / "openface.log"))
