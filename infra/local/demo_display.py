"""Print the demo's results as a table.

Separate because none of it decides anything.
"""

from typing import Any

from rich.console import Console
from rich.table import Table

from infra.local.demo_results import DemoResult

_WIDTH_IN_A_LOG = 150


def new_console() -> Console:
    """Standard output; where that is no terminal, wide enough that the table keeps its columns."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_IN_A_LOG)


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
        "next stage": f"{result.verdict['verdict']}: {result.verdict['sentence']}" if result.verdict else "-",
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
    """Count and list the measured action units: `3: 01 02 12`."""
    measured = sorted({column.partition("_")[0].removeprefix("AU") for column in units})
    return f"{len(measured)}: {' '.join(measured)}" if measured else "none"


def _number(value: Any, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "-"
