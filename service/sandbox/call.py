"""Ask `service.sandbox.decoders` one question, in a child process with limits and without secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.errors import (
    EngineTimeout,
    EngineUnavailable,
    MediaError,
    MediaTooLarge,
    UnreadableMedia,
    UnsupportedMedia,
    WorkspaceFull,
)
from service.sandbox.decoders import EXIT_DISK_FULL
from service.sandbox.process import ChildLimits, run_child

ANSWER_BYTES = 64 << 10
PACKAGES = Path(__file__).resolve().parent.parent.parent
"""The folder above this package, for the child, which inherits no path."""

_ERRORS: dict[str, type[MediaError]] = {
    kind.__name__: kind for kind in (MediaTooLarge, UnreadableMedia, UnsupportedMedia)
}


def ask(
    request: dict[str, Any],
    folder: Path,
    limits: ChildLimits,
    on_wait: Callable[[], None],
    *,
    entry: str = "service.sandbox.decoders",
) -> dict[str, Any]:
    """Ask, and wait for the answer; a child that dies over a file says something about the file.

    Args:
        request: `do`, `media` and what they need; see `media_child.__main__`.
        folder: made here, for the child alone.
        on_wait: see `run_child`.

    Raises:
        MediaError: the file cannot be used.
        EngineUnavailable: the decoders do not start.
        WorkspaceFull: there was no room for what the child was to write.
    """
    folder.mkdir()
    answer = folder / "answer.json"
    argv = [sys.executable, "-P", "-s", "-m", entry, json.dumps(request), str(answer)]
    env = {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        finished = run_child(argv, cwd=folder, log_dir=folder, limits=limits, on_wait=on_wait, env=env)
    except EngineTimeout as error:
        raise UnreadableMedia(f"the file could not be read within {limits.time_s:.0f} s") from error
    if finished.signal:
        raise UnreadableMedia(f"the file brought its decoder down ({finished.signal})")
    if finished.returncode == EXIT_DISK_FULL:
        raise WorkspaceFull()
    if finished.returncode or not answer.is_file():
        raise _unexpected(finished.tail(5))
    return _good(_answer(answer))


def _good(fields: object) -> dict[str, Any]:
    """An answer, if it is one; else what it says is wrong."""
    if not isinstance(fields, dict):
        raise UnreadableMedia("the decoder's answer cannot be read")
    if "error" in fields:
        kind = _ERRORS.get(str(fields["error"]), UnreadableMedia)
        raise kind(str(fields.get("message", ""))[:500])
    return fields


def _unexpected(tail: str) -> EngineUnavailable | UnreadableMedia:
    if "ImportError" in tail or "ModuleNotFoundError" in tail:
        return EngineUnavailable(f"the decoders do not start:\n{tail}")
    return UnreadableMedia("the file could not be read by its decoder")


def _answer(path: Path) -> object:
    with path.open("rb") as file:
        text = file.read(ANSWER_BYTES)
    try:
        return json.loads(text)
    except ValueError as error:
        raise UnreadableMedia("the decoder's answer cannot be read") from error
