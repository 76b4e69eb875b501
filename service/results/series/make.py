"""Make `series.bin` in a child process, which loads the analyser's geometry. Light to import, for web processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from service.errors import EngineTimeout, ReportFailed
from service.results.series.layout import FILE
from service.sandbox.confinement import Access
from service.sandbox.process import ChildLimits
from service.sandbox.python_child import run_module

TIME_S, MEMORY_BYTES, FILE_BYTES = 120.0, 6 << 30, 512 << 20


def make(
    csv: Path,
    width: int,
    height: int,
    room: Path,
    on_wait: Callable[[], None] = lambda: None,
    memory_bytes: int = MEMORY_BYTES,
    *,
    camera: Sequence[float] | None = None,
) -> Path:
    """Make the series of a table; returns the file.

    Args:
        width, height: of the upright video, in pixels.
        room: a folder for request and result.
        on_wait: see `run_child`.
        memory_bytes: address space of the child.
        camera: fx, fy, cx, cy; None for OpenFace's guess from the size.

    Raises:
        ReportFailed: the table cannot be read, or reading it took too long.
    """
    request, out = room / "series.json", room / FILE
    wanted = {"csv": str(csv.resolve()), "out": str(out), "width": width, "height": height, "camera": camera}
    request.write_text(json.dumps(wanted))
    limits = ChildLimits(TIME_S, memory_bytes, FILE_BYTES)
    access = Access(reads=(csv.resolve(),))
    try:
        finished = run_module("service.results.series", [str(request)], room, limits, on_wait, access=access)
    except EngineTimeout as error:
        raise ReportFailed(f"the series was not made within {TIME_S:.0f} s") from error
    if finished.returncode != 0 or not out.is_file():
        raise ReportFailed(f"the table cannot be read: {finished.tail(1)}")
    return out
