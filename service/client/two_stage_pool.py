"""Run items through two bounded pools of threads; an interruption ends both."""

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
    """Run each item through both steps, and yield results as they are done.

    The steps have separate threads, so that the second, which waits for a service, does not delay the first.

    Args:
        first, second: an error that one raises ends all items.
        at_once: number of items in each step.
        stop: set when the caller leaves early; the steps must check it.
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
