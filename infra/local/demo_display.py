"""What the demo shows: the jobs' progress while they run, and a table of what was measured.

Separate because none of it decides anything; on a terminal it moves, in a log it is plain lines.
"""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.local.demo_results import DemoResult

_WIDTH_IN_A_LOG = 150


def new_console() -> Console:
    """Standard output; where that is no terminal, wide enough that the table keeps its columns."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_IN_A_LOG)


class JobProgress:
    """A bar for each upload, or a line for each change where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.fields[name]:<16}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.description}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, name: str, what: str, share: float) -> None:
        """`what` happens to the upload `name`; `share` of it, 0 to 1, is done."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(what, name=name, total=1.0)
        self._bars.update(self._tasks[name], description=what, completed=share)
        if not self._console.is_terminal and self._shown.get(name) != what:
            self._console.print(f"{name}: {what}", highlight=False)
        self._shown[name] = what


def results_table(results: list[DemoResult]) -> Table:
    """A column for each result, since two of them fit the narrowest terminal."""
    table = Table()
    table.add_column("media")
    for result in results:
        table.add_column(str(result.manifest["job"]["blob"]))
    measured = [_measured(result) for result in results]
    for what in measured[0]:
        table.add_row(what, *(each[what] for each in measured))
    return table


def _measured(result: DemoResult) -> dict[str, str]:
    manifest = result.manifest
    job, summary = manifest["job"], manifest["summary"] or {}
    return {
        "kind": f"{job['media']}, {job['media_type']}",
        "faces or frames": _seen(manifest),
        "mean confidence": _number(summary.get("confidence_mean"), 2),
        "head pose (°)": _pose(summary.get("head_pose_deg") or {}),
        "action units": _action_units(summary.get("action_units") or {}),
        "seconds": _number(manifest["seconds"].get("total"), 1),
        "file": result.csv_file.name,
    }


def _seen(manifest: dict[str, Any]) -> str:
    if manifest["frames"]:
        frames = manifest["frames"]
        return f"a face in {frames['success']} of {frames['written']} frames"
    return f"{manifest['faces']} face{'' if manifest['faces'] == 1 else 's'}"


def _pose(degrees: dict[str, Any]) -> str:
    return ", ".join(f"{axis} {_number(degrees.get(axis), 1)}" for axis in ("pitch", "yaw", "roll"))


def _action_units(units: dict[str, Any]) -> str:
    """How many of them were measured, and which: `3: 01 02 12`."""
    measured = sorted({column.partition("_")[0].removeprefix("AU") for column in units})
    return f"{len(measured)}: {' '.join(measured)}" if measured else "none"


def _number(value: Any, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "-"
