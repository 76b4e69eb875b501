"""`canary`: measure the reference picture with this engine and compare with its record, or make the record."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from service import wiring
from service.cli.output import echo_json, echo_rows
from service.cli.startup import EXIT_FAILED, exit_on_error, load_settings
from service.logs import configure
from service.worker.canary import measure
from service.worker.canary_record import Record, keep, label, recorded


@click.command()
@click.option(
    "--record", "to_record", is_flag=True, help="Record what this engine measures, if there is no record yet."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def canary(to_record: bool, as_json: bool) -> None:
    """Measure the reference picture and compare with the record of this engine.

    Exit code 1 where a value is farther from its recorded value than its tolerance, or there is no record.
    """
    settings = load_settings()
    configure(settings.log_format, "ERROR")
    with exit_on_error(), wiring.local_pipeline(settings, Path(), Path()) as pipeline:
        engine = pipeline.engine
        values = measure(pipeline)
        if to_record:
            path = keep(engine, settings.canary_records, values)
            click.echo(f"{label(engine)}: {len(values)} values recorded in {path}")
            return
        record = recorded(engine, settings.canary_records)
    if record is None:
        click.echo(f"there is no record of {label(engine)}: make one with `canary --record`", err=True)
        sys.exit(EXIT_FAILED)
    sys.exit(_report(record, values, as_json=as_json))


def _report(record: Record, values: dict[str, float], *, as_json: bool) -> int:
    drifts = record.drifts(values)
    worst = max((drift.tolerances for drift in drifts), default=math.inf)
    if as_json:
        groups = [vars(drift) | {"tolerances": _finite(drift.tolerances)} for drift in drifts]
        echo_json({"engine": record.engine, "drift": _finite(worst), "good": worst <= 1, "groups": groups})
    else:
        rows = [
            (f"{drift.tolerances:.3f}", drift.column, f"{drift.recorded:g}", _shown(drift.measured), drift.group)
            for drift in drifts
        ]
        echo_rows(("DRIFT", "COLUMN", "RECORDED", "MEASURED", "GROUP"), rows)
    return EXIT_FAILED if worst > 1 else 0


def _finite(tolerances: float) -> float | None:
    """Round for JSON, which has no number for a value that was not measured."""
    return round(tolerances, 3) if math.isfinite(tolerances) else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
