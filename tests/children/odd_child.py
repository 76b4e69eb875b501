"""A child of a pool that does what it is told: run as `python -m tests.children.odd_child`."""

from __future__ import annotations

import os
import time

from service.errors import AnalysisError, MediaTooLarge, UnreadableMedia
from service.sandbox.child_loop import Answer, serve


def _told(body: bytes) -> Answer:
    return {"pid": os.getpid(), "environment": sorted(os.environ)}, body[::-1]


def _die(_body: bytes) -> Answer:
    os._exit(1)


def _sleep(body: bytes, *, seconds: float) -> Answer:
    time.sleep(seconds)
    return _told(body)


def _refuse(_body: bytes) -> Answer:
    raise MediaTooLarge("too large for me")


def _fail(_body: bytes) -> Answer:
    raise RuntimeError("a fault")


def _miss(_body: bytes) -> Answer:
    raise FileNotFoundError("a library's own words")


def _talk(body: bytes) -> Answer:
    print("words that are no answer", flush=True)
    return _told(body)


def _blamed(error: Exception) -> AnalysisError | None:
    return UnreadableMedia("there is no such picture") if isinstance(error, FileNotFoundError) else None


if __name__ == "__main__":
    acts = {"die": _die, "sleep": _sleep, "refuse": _refuse, "fail": _fail, "talk": _talk, "miss": _miss}
    serve({"hello": _told, "echo": _told, **acts}, _blamed)
