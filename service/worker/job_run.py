"""One received job, done step by step on whichever thread of a pool is free, with no thread of its own meanwhile."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial

from service.engine.run import EngineRun
from service.worker.engine_pool import EnginePool, EngineRequest, Steps


class JobRun:
    """Runs a job's steps in the pool; between them the engine has the job.

    Args:
        steps: raise nothing that keeps the worker from going on.
        on_lost: called where they do.
    """

    def __init__(self, steps: Steps[None], engines: EnginePool, pool: Executor, on_lost: Callable[[], None]) -> None:
        self._steps = steps
        self._engines = engines
        self._pool = pool
        self._on_lost = on_lost
        # What the steps bind, for logs and traces, stays bound from thread to thread.
        self._context = contextvars.copy_context()

    def start(self) -> None:
        """Begin; engines wait a moment for what begins."""
        self._engines.expect()
        self._pool.submit(self._begin)

    def _begin(self) -> None:
        try:
            self._advance(partial(next, self._steps))
        finally:
            self._engines.arrived()

    def _advance(self, step: Callable[[], EngineRequest]) -> None:
        try:
            request = self._context.run(step)
        except StopIteration:
            return
        except BaseException:
            self._on_lost()
        else:
            self._engines.submit(request).add_done_callback(self._on_measured)

    def _on_measured(self, answer: Future[EngineRun]) -> None:
        self._pool.submit(self._go_on, answer)

    def _go_on(self, answer: Future[EngineRun]) -> None:
        error = answer.exception()
        self._advance(partial(self._steps.throw, error) if error else partial(self._steps.send, answer.result()))
