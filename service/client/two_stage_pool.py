"""Several at once, but not all: bounded threads, whose first interruption ends them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


def in_two_steps(
    items: Sequence[A],
    first: Callable[[A], B],
    second: Callable[[B], C],
    *,
    at_once: int,
    stop: threading.Event,
) -> Iterator[C]:
    """Each item through both steps, yielded as they are done; `at_once` items in each step.

    Two steps, so that the second, which waits for a service, keeps no item from its first.

    Args:
        first, second: raise nothing that should not end everything.
        stop: set when the caller leaves early; the steps have to look at it.
    """
    with ThreadPoolExecutor(at_once) as early, ThreadPoolExecutor(at_once) as late:
        begun: set[Future[B]] = {early.submit(first, item) for item in items}
        ended: set[Future[C]] = set()
        try:
            while begun or ended:
                waiting: list[Future[Any]] = [*begun, *ended]
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                ended |= {late.submit(second, future.result()) for future in begun & done}
                begun -= done
                for future in ended & done:
                    yield future.result()
                ended -= done
        except BaseException:
            stop.set()
            early.shutdown(wait=False, cancel_futures=True)
            late.shutdown(wait=False, cancel_futures=True)
            raise
