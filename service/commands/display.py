"""What people see on a terminal: bars while it works, one line when it is done."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from service.by_hand import Done


class _Amount(MofNCompleteColumn):
    """`3/7` for the bar of all files, a percentage for one file."""

    def render(self, task: Task) -> Text:
        if task.total == 1.0 and task.fields.get("one_file"):
            return Text(f"{task.percentage:>3.0f}%")
        return super().render(task)


def bars(*, hidden: bool) -> Progress:
    """A progress display on standard error; plain lines stay readable where it is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Amount(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=hidden or not sys.stderr.isatty(),
    )


def summary_line(done: Done) -> str:
    """One file in one line."""
    if done.error:
        return f"failed    {done.name}: {done.error.message.splitlines()[0]} ({done.error.code})"
    return f"{done.outcome:<9} {done.name}: {measured(done.manifest or {})} -> {done.csv}"


def measured(manifest: dict[str, Any]) -> str:
    """What a manifest tells, in a few words."""
    summary, frames = manifest["summary"], manifest["frames"]
    parts = [f"{manifest['faces']} face{'' if manifest['faces'] == 1 else 's'}"]
    if frames:
        parts.append(f"{frames['success']} of {frames['written']} frames with a face")
    if summary["confidence_mean"] is not None:
        parts.append(f"confidence {summary['confidence_mean']:.2f}")
    if manifest["completeness"]["verdict"] != "complete":
        parts.append(f"PARTIAL: {manifest['completeness']['reason']}")
    return ", ".join([*parts, f"{manifest['seconds']['total']:.1f} s"])
