"""Report every benchmark's frame: the machine, how to read the figures, and all of it as JSON.

Separate because figures without these are not comparable.
"""

from __future__ import annotations

import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

_CPU_AT_START = psutil.cpu_times()

LOAD_DISTORTS = (
    "Other load on the machine distorts these figures; ratios and differences within one run\n"
    "are worth more than seconds by themselves."
)


def machine() -> dict[str, Any]:
    """The machine as far as figures depend on it, and when."""
    return {
        "cpus": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "sum_ms": [fixed_sum_ms()],
    }


def fixed_sum_ms() -> float:
    """Wall time in ms of a sum that is always the same, the best of five: how fast the machine is just now.

    A virtual machine's speed may change by a factor of two within minutes, which neither its load nor the stolen time
    need show.
    """
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        sum(number * number for number in range(400_000))
        times.append(time.perf_counter() - begun)
    return round(min(times) * 1e3, 1)


def machine_line(facts: dict[str, Any]) -> str:
    """Describe the machine in one line."""
    taken = facts.get("stolen")
    sums = " and ".join(f"{ms:.0f}" for ms in facts.get("sum_ms", []))
    return (
        f"{facts['cpus']} CPUs, {facts['system']}, Python {facts['python']}, {facts['date']}, "
        f"load at the start {facts['load_1_min']}"
        + (f", a fixed sum took {sums} ms" if sums else "")
        + (f", processor time taken by the host's other guests {taken:.0%}" if taken else "")
    )


def stolen() -> float | None:
    """Share of all processor time since this process began that a virtual machine's host gave to others.

    None where the system does not tell.
    """
    now = psutil.cpu_times()
    if not hasattr(now, "steal"):
        return None
    # A guest's time is in the user's already.
    spent = {name: getattr(now, name) - getattr(_CPU_AT_START, name) for name in now._fields if "guest" not in name}
    return round(float(spent["steal"]) / (sum(spent.values()) or 1.0), 3)


def new_console() -> Console:
    """Paths and numbers are shown as they are; a pipe gets no narrower table than a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def write_json(file: Path | None, figures: dict[str, Any]) -> None:
    """Write all figures, where a file is wanted, and of the machine what is known at the end."""
    if file is not None:
        facts = figures["machine"]
        sums = [*facts.get("sum_ms", []), fixed_sum_ms()]
        figures = figures | {"machine": facts | {"stolen": stolen(), "sum_ms": sums}}
        file.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", "utf-8")


def verdict(met: bool) -> str:
    """How a figure stands to its aim."""
    return "met" if met else "missed"
