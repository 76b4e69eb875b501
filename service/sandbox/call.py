"""Ask a decoder child one question: a process with limits and without secrets, started for it alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.errors import EngineTimeout, EngineUnavailable, UnreadableMedia, WorkspaceFull
from service.sandbox.child_once import EXIT_DISK_FULL
from service.sandbox.confinement import Access
from service.sandbox.process import KILLED, ChildLimits, Finished
from service.sandbox.protocol import raise_error
from service.sandbox.python_child import run_module

ANSWER_BYTES = 64 << 10


class DecoderKilled(UnreadableMedia):
    """The file's decoder was killed; by the system where memory is short, or over the file."""

    retryable = True


class DecoderTimeout(UnreadableMedia):
    """The file's decoder took too long and was stopped."""


def ask(
    request: dict[str, Any],
    folder: Path,
    limits: ChildLimits,
    on_wait: Callable[[], None],
    *,
    access: Access,
    entry: str = "service.sandbox.decoders",
) -> dict[str, Any]:
    """Ask, and wait for the answer; a child that ends without one says something about the file.

    Args:
        request: arguments of what `entry` does.
        folder: made here, for the child alone.
        on_wait, access: see `run_child`.
        entry: module that calls `child_once.serve_once`.

    Raises:
        MediaError: the file cannot be used.
        EngineUnavailable: the decoders do not start.
        WorkspaceFull: there was no room for what the child was to write.
    """
    folder.mkdir()
    answer = folder / "answer.json"
    try:
        finished = run_module(entry, [json.dumps(request), str(answer)], folder, limits, on_wait, access=access)
    except EngineTimeout as error:
        raise DecoderTimeout(f"the file could not be read within {limits.time_s:.0f} s") from error
    _check_end(finished)
    if not answer.is_file():
        raise UnreadableMedia("the file could not be read by its decoder")
    fields = _fields(answer)
    raise_error(fields)
    return fields


def _check_end(finished: Finished) -> None:
    """Raise what a child's end says, unless it ended well."""
    if finished.returncode in KILLED:
        raise DecoderKilled(f"the file's decoder was killed ({finished.signal})")
    if finished.signal:
        raise UnreadableMedia(f"the file brought its decoder down ({finished.signal})")
    if finished.returncode == EXIT_DISK_FULL:
        raise WorkspaceFull()
    if finished.returncode:
        tail = finished.tail(5)
        if "ImportError" in tail or "ModuleNotFoundError" in tail:
            raise EngineUnavailable(f"the decoders do not start:\n{tail}")
        raise UnreadableMedia("the file could not be read by its decoder")


def _fields(answer: Path) -> dict[str, Any]:
    with answer.open("rb") as file:
        text = file.read(ANSWER_BYTES)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableMedia("the decoder's answer cannot be read") from error
    if not isinstance(fields, dict):
        raise UnreadableMedia("the decoder's answer cannot be read")
    return fields
