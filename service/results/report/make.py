"""Makes a report in a child process: what it shows is an upload, whose bytes no other process decodes.

Light to import: the web processes start it and never load what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import EngineTimeout, EngineUnavailable, ReportFailed, WorkspaceFull
from service.results.quality_gate import CONFIDENCE
from service.results.report.files import FILES, REPORT
from service.sandbox.process import ChildLimits, Finished
from service.sandbox.python_child import run_module

LIMITS = ChildLimits(time_s=120.0, memory_bytes=6 << 30, file_bytes=64 << 20)
"""Of the child; an hour of video is a table of half a gigabyte, read in about ten seconds."""
LARGEST_UPLOAD = 512 << 20
"""In bytes; of a larger one no picture is shown, since it would have to be fetched for it."""
TOO_LARGE = f"the upload is larger than {LARGEST_UPLOAD >> 20} MiB, and is not fetched for a picture."
UNDECODED = "the upload could not be decoded again."


@dataclass(frozen=True)
class ReportRequest:
    """What a report is made of.

    Attributes:
        csv: the published table.
        manifest: of the same result.
        upload: the media as uploaded; None where it is not at hand, and then `missing` says why, in a sentence.
        confidence: of the quality gate.
    """

    csv: Path
    manifest: Mapping[str, Any]
    upload: Path | None
    missing: str = ""
    confidence: float = CONFIDENCE


def make(wanted: ReportRequest, room: Path, on_wait: Callable[[], None] = lambda: None) -> dict[str, Path]:
    """Make the files of `FILES`; an upload that brings its decoder down is left out.

    Args:
        room: an empty folder; gets them, and what is needed on the way.
        on_wait: see `run_child`.

    Returns:
        their paths by name.

    Raises:
        ReportFailed: the table cannot be read, or reading it took too long.
        EngineUnavailable: the child does not start.
        WorkspaceFull: no room for it.
    """
    try:
        _attempt(wanted, wanted.upload, wanted.missing, room, on_wait)
    except _BroughtDown:
        if wanted.upload is None:
            raise
        _attempt(wanted, None, UNDECODED, room, on_wait)
    return {name: room / name for name in FILES}


class _BroughtDown(ReportFailed):
    """The child ended as over a file that is made to harm it: at its limits, or by a signal."""


def _attempt(wanted: ReportRequest, upload: Path | None, missing: str, room: Path, on_wait: Callable[[], None]) -> None:
    request = room / "request.json"
    fields = {
        "csv": str(wanted.csv.resolve()),
        "manifest": dict(wanted.manifest),
        "upload": str(upload.resolve()) if upload else None,
        "missing": missing,
        "confidence": wanted.confidence,
        "out": str(room.resolve()),
    }
    request.write_text(json.dumps(fields), "utf-8")
    arguments = [str(request.resolve())]
    try:
        finished = run_module("service.results.report", arguments, room, LIMITS, on_wait, {"MPLBACKEND": "svg"})
    except EngineTimeout as error:
        raise _BroughtDown(f"the report was not made within {LIMITS.time_s:.0f} s") from error
    _check(finished, room)


def _check(finished: Finished, room: Path) -> None:
    if finished.returncode == 0 and (room / REPORT).is_file():
        return
    words = finished.tail(1)
    if finished.signal or "MemoryError" in words:
        raise _BroughtDown(f"the report's maker was brought down ({finished.signal or 'out of memory'})")
    if "No space left" in words or "Disk quota" in words:
        raise WorkspaceFull()
    if "ModuleNotFoundError" in words or "ImportError" in words:
        raise EngineUnavailable(f"the report's parts do not start: {words}")
    raise ReportFailed(f"the result cannot be read: {words}")
