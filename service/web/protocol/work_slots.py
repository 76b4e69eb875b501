"""Limit the requests that a process works on at once; the others wait for a slot, each on its own thread.

Threads that all want the interpreter hold each other up, and `/healthz` with them. Sending an answer to its client is
no work, nor is waiting for a job: event streams and slow readers hold no slot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from flask import Flask, Response, g


def guard(app: Flask, at_once: Callable[[], int], exempt: Callable[[], bool]) -> None:
    """Give a slot to each request of the application before it does anything.

    Args:
        at_once: number of slots; asked at the first request.
        exempt: whether the current request needs none.
    """

    @cache
    def slots() -> threading.Semaphore:
        return threading.Semaphore(at_once())

    def acquire() -> None:
        if not exempt():
            slots().acquire()
            g.work_slots = slots()

    def release(response: Response) -> Response:
        _release()
        return response

    app.before_request(acquire)
    # The first registered runs last: what others do to the response is work, too.
    app.after_request(release)
    app.teardown_request(lambda _error: _release())


@contextmanager
def given_back() -> Iterator[None]:
    """Hold no slot inside the block."""
    slots: threading.Semaphore | None = g.get("work_slots")
    _release()
    try:
        yield
    finally:
        if slots:
            slots.acquire()
            g.work_slots = slots


def _release() -> None:
    slots: threading.Semaphore | None = g.pop("work_slots", None)
    if slots:
        slots.release()
