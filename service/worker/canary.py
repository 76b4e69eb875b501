"""A worker's canary: it measures the reference picture at the start and every so often, beside the jobs."""

from __future__ import annotations

import csv
import math
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from service import metrics
from service.engine.run import read_table
from service.errors import AnalysisError, EngineUnavailable, NoOutput, ShuttingDown, WorkspaceFull
from service.jobs.job import AnalysisJob, JobOptions
from service.logs import log
from service.sandbox.media import prepare
from service.worker.canary_record import PICTURE, Record, compared, label
from service.worker.engine_pool import EngineRequest
from service.worker.media_probe import ProbeRequest
from service.worker.pipeline import Pipeline

AGAIN_S = 60.0
"""Where the worker was at fault, or the engine: its next chance."""


def measure(pipeline: Pipeline, check: Callable[[], None] = lambda: None) -> dict[str, float]:
    """The reference picture by the engine that measures everything else, in a run of its own; values by column.

    Args:
        check: called many times a second; may raise to stop.

    Raises:
        AnalysisError: it cannot be measured.
    """
    options = JobOptions.resolve("image", "posed", {"faces": "one"})
    job = AnalysisJob("canary", PICTURE.name, "0", "image", "posed", options)
    limits = pipeline.limits
    with pipeline.workspace.room() as room:
        found = pipeline.prober.look(ProbeRequest(PICTURE, "image", room), check)
        prepared = prepare(PICTURE, found, room, limits.of_media, check)
        asked = EngineRequest(job, prepared, room, limits.of_engine(0.0))
        run = pipeline.engines.run(asked, lambda _: check(), alone=True)
        table = read_table(job, run, room / "table.csv")
        with table.path.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file), None)
    if row is None:
        raise NoOutput("the engine finds no face in the reference picture")
    return compared(row)


class Canary:
    """Measures on a thread of its own for as long as the block lasts.

    Args:
        record: None: nothing to compare with, so nothing is measured, and the worker is well.
        every_s: 0: never.
        withdraw: whether the worker takes no jobs unless the last comparison was good.
    """

    def __init__(self, pipeline: Pipeline, record: Record | None, *, every_s: float, withdraw: bool) -> None:
        self._pipeline = pipeline
        self._record = record
        self._every_s = every_s
        self._works = record is not None and every_s > 0
        self._withdraws = withdraw and self._works
        self._trouble: str | None = "the reference picture has not been measured yet"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="canary", daemon=True)

    def __enter__(self) -> Self:
        if self._record is None and self._every_s:
            log.warning("canary.no_record", engine=label(self._pipeline.engine))
        if self._works:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._works:
            self._thread.join()

    def is_fit(self) -> bool:
        """Whether the worker may take jobs."""
        return not self._withdraws or self._trouble is None

    def ping(self) -> None:
        """Raises EngineUnavailable where it may not."""
        if not self.is_fit():
            raise EngineUnavailable(f"no jobs are taken: {self._trouble}")

    def _keep(self) -> None:
        while not self._ended.is_set():
            try:
                good = self._look()
            except Exception:
                log.exception("canary.unexpected_error")
                good = False
            self._ended.wait(self._every_s if good else min(AGAIN_S, self._every_s))

    def _look(self) -> bool:
        """Measure and compare; whether all is well."""
        began = time.monotonic()
        try:
            values = measure(self._pipeline, self._check)
        except ShuttingDown:
            return False
        except WorkspaceFull as error:
            # Says nothing about the engine: the last verdict stands.
            log.warning("canary.postponed", error=error.message)
            return False
        except AnalysisError as error:
            self._tell(math.inf, {"error_code": error.code, "error": error.message})
            return False
        return self._compare(values, time.monotonic() - began)

    def _compare(self, values: Mapping[str, float], seconds: float) -> bool:
        assert self._record
        drifts = self._record.drifts(values)
        worst = max(drifts, key=lambda drift: drift.tolerances)
        told = {
            "worst": worst.column,
            "recorded": worst.recorded,
            "measured": worst.measured,
            "tolerance": worst.tolerance,
            "duration_s": round(seconds, 3),
        }
        self._tell(worst.tolerances, told)
        return self._trouble is None

    def _tell(self, drift: float, told: Mapping[str, object]) -> None:
        engine = label(self._pipeline.engine)
        metrics.canary_measured(engine, drift)
        if drift <= 1:
            self._trouble = None
            log.info("canary.passed", engine=engine, drift=round(drift, 3), **told)
            return
        self._trouble = f"the engine's drift on the reference picture is {drift:.3g} tolerances"
        shown = round(drift, 3) if math.isfinite(drift) else "unmeasured"
        log.error("canary.drift", engine=engine, drift=shown, withdrawn=self._withdraws, **told)

    def _check(self) -> None:
        if self._ended.is_set():
            raise ShuttingDown()
