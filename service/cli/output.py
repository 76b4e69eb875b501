"""Print outside text safely: a table on a terminal, aligned lines in a pipe, or JSON; and progress bars.

Blob names and poison messages are hostile: no markup is read in them, and what could steer a terminal is escaped.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from service.worker.local_run import Done

SHORT_ID = 12
"""Digits of an id on a terminal; enough to name the job in another command."""


def shown(text: str, longest: int | None = None) -> str:
    """Escape unprintable characters, in one line; `longest` cuts to that many characters."""
    cut = text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(char if char.isprintable() else _escaped(char) for char in cut)


def moment(when: datetime | None) -> str:
    """Format a time in UTC, to the second."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if when else ""


def echo_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object in a line of ASCII, so that no character steers a terminal."""
    click.echo(json.dumps(values))


def echo_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with cut ids on a terminal, aligned lines with whole ids in a pipe. Escapes every cell."""
    cells = [[shown(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        draw(Console(), headings, cells)
        return
    for line in aligned([list(headings), *cells]):
        click.echo(line)


def draw(console: Console, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Draw the table; only the last column shrinks where the terminal is narrow."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [[_cut(heading, cell) for heading, cell in zip(headings, row, strict=True)] for row in cells]
    for heading in headings:
        # Half an id is of no use, half a name is.
        table.add_column(heading, no_wrap=heading != headings[-1])
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    console.print(table)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format rows as lines with aligned columns."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def echo_facts(facts: Mapping[str, str]) -> None:
    """Print names and values as aligned lines; empty values are left out, further lines of a value indented."""
    rows = [
        ["" if number else name, shown(line)]
        for name, value in facts.items()
        for number, line in enumerate(value.splitlines())
    ]
    for line in aligned(rows):
        click.echo(line)


def _cut(heading: str, cell: str) -> str:
    return cell[:SHORT_ID] if heading in ("ID", "JOB") else cell


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


class _Amount(MofNCompleteColumn):
    """Show `3/7` for the bar of all files, a percentage for one file."""

    def render(self, task: Task) -> Text:
        if task.total == 1.0 and task.fields.get("one_file"):
            return Text(f"{task.percentage:>3.0f}%")
        return super().render(task)


def bars(*, hidden: bool) -> Progress:
    """Progress bars on standard error; hidden where it is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Amount(),
        TimeElapsedColumn(),
        TextColumn("left", style="progress.remaining"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=hidden or not sys.stderr.isatty(),
    )


def summary_line(done: Done) -> str:
    """Summarise one file in a line; a failure has a second one, with what to do about it."""
    if done.error:
        said = f"failed    {done.name}: {done.error.message.splitlines()[0]} ({done.error.code})"
        return f"{said}\n          {done.error.advice}"
    return f"{done.outcome:<9} {done.name}: {measured(done.manifest or {})} -> {done.csv}"


def closing_line(outcomes: Mapping[str, int], left_out: Sequence[str], out: Path | None) -> str:
    """Summarise a whole run, with the reasons why files were left out, and the command that comes next."""
    parts = [f"{count} {outcome}" for outcome, count in outcomes.items() if count]
    if left_out:
        reasons = "; ".join(dict.fromkeys(left_out))
        parts.append(f"{len(left_out)} left out: {shown(reasons, 200)}")
    done = sum(outcomes.get(each, 0) for each in ("analysed", "kept", "downloaded"))
    then = f"; next: faceline collect {shlex.quote(str(out))} --out table.csv" if done and out else ""
    return f"{', '.join(parts) or 'nothing to do'}{then}"


def measured(manifest: dict[str, Any]) -> str:
    """Summarise a manifest: faces, frames, confidence, completeness, seconds."""
    summary, frames = manifest["summary"], manifest["frames"]
    parts = [f"{manifest['faces']} face{'' if manifest['faces'] == 1 else 's'}"]
    if frames:
        parts.append(f"{frames['success']} of {frames['written']} frames with a face")
    if summary["confidence_mean"] is not None:
        parts.append(f"confidence {summary['confidence_mean']:.2f}")
    if manifest["completeness"]["verdict"] != "complete":
        parts.append(f"PARTIAL: {manifest['completeness']['reason']}")
    return ", ".join([*parts, f"{manifest['seconds']['total']:.1f} s"])
