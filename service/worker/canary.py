"""Measure the reference picture at a worker's start and at intervals, beside the jobs, and compare with its record."""

from __future__ import annotations

import csv
import math
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from service import metrics
from service.engine.command import EngineTask
from service.engine.output import read_table
from service.errors import AnalysisError, EngineUnavailable, NoOutput, ShuttingDown, WorkspaceFull
from service.logs import log
from service.sandbox.preparation import prepare
from service.worker.canary_record import PICTURE, Record, compared, label
from service.worker.engine_pool import EngineRequest
from service.worker.media_probe import ProbeRequest
from service.worker.pipeline import Pipeline

AGAIN_S = 60.0
"""Delay of the next measurement after one that failed."""


def measure(pipeline: Pipeline, check: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Measure the reference picture in an engine run of its own; return values by column.

    Args:
        check: called many times a second; may raise to stop.

    Raises:
        AnalysisError: it cannot be measured.
    """
    task = EngineTask.resolve("image", "posed", {"faces": "one"})
    limits = pipeline.limits
    with pipeline.workspace.room() as room:
        probed = pipeline.prober.probe(ProbeRequest(PICTURE, "image", room), check)
        prepared = prepare(PICTURE, probed, room, limits.of_media, check)
        limit = limits.of_engine(0.0)
        request = EngineRequest(task, prepared, room, limit, "canary", watch=lambda _: check(), alone=True)
        run = pipeline.engines.run(request)
        table = read_table(task, run, room / "table.csv")
        with table.path.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file), None)
    if row is None:
        raise NoOutput("the engine finds no face in the reference picture")
    return compared(row)


class Canary:
    """Measures on a thread of its own for as long as the block lasts.

    Args:
        record: None where there is none to compare with: nothing is measured, and the worker counts as fit.
        every_s: interval; 0 for never.
        withdraw: whether the worker receives no jobs unless the last comparison was good.
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
        """Whether the worker may receive jobs."""
        return not self._withdraws or self._trouble is None

    def ping(self) -> None:
        """Check the fitness for a health probe. Raises EngineUnavailable."""
        if not self.is_fit():
            raise EngineUnavailable(f"no jobs are taken: {self._trouble}")

    def _keep(self) -> None:
        while not self._ended.is_set():
            try:
                good = self._measure()
            except Exception:
                log.exception("canary.unexpected_error")
                good = False
            self._ended.wait(self._every_s if good else min(AGAIN_S, self._every_s))

    def _measure(self) -> bool:
        """Measure and compare; return whether the comparison was good."""
        began = time.monotonic()
        try:
            values = measure(self._pipeline, self._check)
        except ShuttingDown:
            return False
        except WorkspaceFull as error:
            # A full disk says nothing about the engine: the last verdict stands.
            log.warning("canary.postponed", error=error.message)
            return False
        except AnalysisError as error:
            self._report(math.inf, {"error_code": error.code, "error": error.message})
            return False
        return self._compare(values, time.monotonic() - began)

    def _compare(self, values: Mapping[str, float], seconds: float) -> bool:
        assert self._record
        drifts = self._record.drifts(values)
        worst = max(drifts, key=lambda drift: drift.tolerances)
        comparison = {
            "worst": worst.column,
            "recorded": worst.recorded,
            "measured": worst.measured,
            "tolerance": worst.tolerance,
            "duration_s": round(seconds, 3),
        }
        self._report(worst.tolerances, comparison)
        return self._trouble is None

    def _report(self, drift: float, facts: Mapping[str, object]) -> None:
        engine = label(self._pipeline.engine)
        metrics.canary_measured(engine, drift)
        if drift <= 1:
            self._trouble = None
            log.info("canary.passed", engine=engine, drift=round(drift, 3), **facts)
            return
        self._trouble = f"the engine's drift on the reference picture is {drift:.3g} tolerances"
        shown = round(drift, 3) if math.isfinite(drift) else "unmeasured"
        log.error("canary.drift", engine=engine, drift=shown, withdrawn=self._withdraws, **facts)

    def _check(self) -> None:
        if self._ended.is_set():
            raise ShuttingDown()
