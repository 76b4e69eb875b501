"""Figures beside their aims, as a table and as JSON; the same for every benchmark that has a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bound import Bound


@dataclass(frozen=True)
class Judged:
    """One figure; None where it could not be measured, and without a bound where nothing is asked of it."""

    what: str
    unit: str
    value: float | None
    bound: Bound | None = None

    @property
    def verdict(self) -> str | None:
        """`met`, `missed`, `not measured`, or None without an aim."""
        return self.bound.verdict(self.value) if self.bound else None

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        aim = asdict(self.bound) if self.bound else None
        return {"what": self.what, "unit": self.unit, "value": self.value, "aim": aim, "verdict": self.verdict}


def show(console: Console, title: str, figures: Sequence[Judged]) -> None:
    """A table of them."""
    table = Table(title=title)
    table.add_column("")
    for heading in ("value", "unit", "aim", ""):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for figure in figures:
        table.add_row(
            figure.what, in_digits(figure.value), figure.unit, str(figure.bound or ""), str(figure.verdict or "")
        )
    console.print(table)


def in_digits(value: float | None) -> str:
    """Three significant digits, but no fewer than the number has before its point."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
