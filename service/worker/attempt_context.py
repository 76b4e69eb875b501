"""The context of one attempt at a job: its identity, its progress, and the facts found so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from service import metrics, tracing
from service.engine.aligned_crops import AlignedFacts
from service.engine.run import EngineRun
from service.jobs.job import AnalysisJob
from service.jobs.result_place import ResultPlace
from service.logs import log
from service.results.manifest import AttemptFacts, FaceIdFacts, FrameFacts, MediaFacts, OverlayFacts

Watch = Callable[[str, float], None]
"""Called many times a second with the stage and the progress (0 to 1); raises to stop the work."""

WatchStep = Callable[[float], None]
"""Called with the progress within one step (0 to 1); raises to stop the work."""

SHARES = {
    "fetch": 0.08,
    "probe": 0.02,
    "prepare": 0.10,
    "engine": 0.67,
    "results": 0.02,
    "overlay": 0.08,
    "publish": 0.03,
}
"""Share of each step in the whole progress; the engine takes most of the time."""


@dataclass
class AttemptContext:
    """One attempt at one job; a failure's manifest tells as much of it as was reached.

    Attributes:
        attempt_id: names the folder of the attempt's artefacts; empty for none of its own.
        number: counted from 1.
        worker: name of the worker.
        watch: receives the progress.
        began_at: monotonic, since the time of day may be set during an attempt.
    """

    job: AnalysisJob
    place: ResultPlace
    attempt_id: str
    number: int
    worker: str
    watch: Watch = lambda stage, progress: None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began_at: float = field(default_factory=time.monotonic)
    media: MediaFacts = field(default_factory=MediaFacts)
    frames: FrameFacts = field(default_factory=lambda: FrameFacts(expected=None, decoded=None))
    overlay: OverlayFacts | None = None
    aligned: AlignedFacts | None = None
    face_ids: FaceIdFacts | None = None
    run: EngineRun | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def first_place(self) -> ResultPlace:
        """Place of the job's first generation, which keeps the list of a sequence."""
        if not self.job.generation:
            return self.place
        first = replace(self.job, generation=0)
        return replace(self.place, folder=self.place.folder.replace(self.job.job_id, first.job_id))

    @property
    def runs_alone(self) -> bool:
        """Whether its media shares no process with others: it may have ended the worker of an earlier attempt."""
        return self.number > 1

    def facts(self) -> AttemptFacts:
        return AttemptFacts(
            id=self.attempt_id,
            number=self.number,
            worker=self.worker,
            started=self.started.isoformat(timespec="milliseconds"),
            finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def seconds_so_far(self) -> dict[str, float]:
        return {**self.seconds, "total": time.monotonic() - self.began_at}

    @contextmanager
    def step(self, name: str) -> Iterator[WatchStep]:
        """Time one step, and turn progress within it into progress of the whole."""
        steps = list(SHARES)
        before = sum(SHARES[step] for step in steps[: steps.index(name)])

        def watch_step(fraction: float) -> None:
            self.watch(name, before + SHARES[name] * min(max(fraction, 0.0), 1.0))

        began = time.monotonic()
        watch_step(0.0)
        try:
            with tracing.span(name):
                yield watch_step
        finally:
            seconds = self.seconds[name] = time.monotonic() - began
            metrics.stage_ended(name, seconds)
            log.info("job.step", step=name, duration_s=round(seconds, 3))
