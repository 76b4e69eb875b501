"""A part's processes: what each is, its memory, and the processor time of them all.

Separate because the parts start children of their own, and a figure has to say whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import psutil

from infra.local.part import Part

ENGINE = "engine"
_ENGINE_MODULE = "openface_lite.cli"


@dataclass(frozen=True)
class ProcessSample:
    """A process at a moment.

    Attributes:
        role: the module that it runs, or `engine`.
        resident: RSS in bytes, shared pages included.
        proportional: PSS in bytes: of shared pages its share.
    """

    process_id: int
    role: str
    is_first: bool
    resident: int
    proportional: int


def look(part: Part) -> list[ProcessSample]:
    """All processes of a part; one that ends meanwhile is left out. Linux alone tells PSS."""
    return [seen for process in _tree(part) if (seen := _seen(process, part.process_id))]


def cpu_seconds(parts: Sequence[Part]) -> float:
    """Processor time of all processes of some parts until now, children that have ended included."""
    total = 0.0
    for part in parts:
        for process in _tree(part):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def cpu_seconds_by_generation(part: Part) -> tuple[float, float]:
    """Processor time of a part's first process alone, and that of all its children, ended ones included."""
    times = psutil.Process(part.process_id).cpu_times()
    own = times.user + times.system
    return own, cpu_seconds([part]) - own


def _tree(part: Part) -> list[psutil.Process]:
    first = psutil.Process(part.process_id)
    return [first, *first.children(recursive=True)]


def _seen(process: psutil.Process, first: int) -> ProcessSample | None:
    try:
        memory = process.memory_full_info()
        return ProcessSample(process.pid, _role(process.cmdline()), process.pid == first, memory.rss, memory.pss)
    except psutil.Error:
        return None


def _role(argv: list[str]) -> str:
    if _ENGINE_MODULE in argv or any("openface" in word.lower() and "/bin/" in word for word in argv):
        return ENGINE
    # A confined child runs a launcher, whose arguments name the child's own module alike.
    modules = [after for option, after in pairwise(argv) if option == "-m"]
    module = modules[-1] if modules else (argv or [""])[0]
    return "service web" if module == "service" and "web" in argv else module
