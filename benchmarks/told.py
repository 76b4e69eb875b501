"""What every benchmark tells besides its figures: the machine, how to read them, and all of it as JSON.

Separate because figures without these are not comparable.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

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
    }


def machine_line(facts: dict[str, Any]) -> str:
    """The same, for people."""
    return (
        f"{facts['cpus']} CPUs, {facts['system']}, Python {facts['python']}, {facts['date']}, "
        f"load at the start {facts['load_1_min']}"
    )


def new_console() -> Console:
    """Paths and numbers are shown as they are; a pipe gets no narrower table than a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def write_json(file: Path | None, figures: dict[str, Any]) -> None:
    """Write all figures, where a file is wanted."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", "utf-8")


def verdict(met: bool) -> str:
    """How a figure stands to its aim."""
    return "met" if met else "missed"
