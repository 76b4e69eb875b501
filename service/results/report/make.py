"""Make a report in a child process, since it decodes an upload. Light to import, for web processes."""

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
"""Limits of the child; an hour of video is a table of half a gigabyte, read in about ten seconds."""
LARGEST_UPLOAD = 512 << 20
"""Largest upload in bytes that is downloaded for the report's picture."""
TOO_LARGE = f"the upload is larger than {LARGEST_UPLOAD >> 20} MiB."
UNDECODED = "the upload could not be decoded again."


@dataclass(frozen=True)
class ReportRequest:
    """The inputs of a report.

    Attributes:
        csv: the published table.
        manifest: of the same result.
        upload: the media as uploaded; None where it is not available, for the reason in the sentence `missing`.
        confidence: of the quality gate.
    """

    csv: Path
    manifest: Mapping[str, Any]
    upload: Path | None
    missing: str = ""
    confidence: float = CONFIDENCE


def make(request: ReportRequest, room: Path, on_wait: Callable[[], None] = lambda: None) -> dict[str, Path]:
    """Make the files of `FILES`; an upload that crashes its decoder is left out.

    Args:
        room: an empty folder for the files.
        on_wait: see `run_child`.

    Returns:
        Their paths by name.

    Raises:
        ReportFailed: the table cannot be read, or reading it took too long.
        EngineUnavailable: the child does not start.
        WorkspaceFull: no room for it.
    """
    try:
        _attempt(request, request.upload, request.missing, room, on_wait)
    except _DecoderCrashed:
        if request.upload is None:
            raise
        _attempt(request, None, UNDECODED, room, on_wait)
    return {name: room / name for name in FILES}


class _DecoderCrashed(ReportFailed):
    """The child ended at its limits or by a signal, as over hostile media."""


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
        raise _DecoderCrashed(f"the report was not made within {LIMITS.time_s:.0f} s") from error
    _check(finished, room)


def _check(finished: Finished, room: Path) -> None:
    if finished.returncode == 0 and (room / REPORT).is_file():
        return
    last_line = finished.tail(1)
    if finished.signal or "MemoryError" in last_line:
        raise _DecoderCrashed(f"the report's child process ended ({finished.signal or 'out of memory'})")
    if "No space left" in last_line or "Disk quota" in last_line:
        raise WorkspaceFull()
    if "ModuleNotFoundError" in last_line or "ImportError" in last_line:
        raise EngineUnavailable(f"the report's child process does not start: {last_line}")
    raise ReportFailed(f"the result cannot be read: {last_line}")
