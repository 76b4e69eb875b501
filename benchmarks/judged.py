"""Figures beside their aims; the same for every benchmark that has a list of them.

Separate because the page of all figures reads them, whichever benchmark they are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from benchmarks.bound import Bound
from benchmarks.grid import Grid
from benchmarks.told import LOAD_DISTORTS, write_json


@dataclass(frozen=True)
class Judged:
    """One figure; None where it could not be measured, and without a bound where nothing is asked of it."""

    what: str
    unit: str
    value: float | None
    bound: Bound | None = None

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """From JSON."""
        return cls(told["what"], told["unit"], told["value"], Bound(**told["aim"]) if told["aim"] else None)

    @property
    def verdict(self) -> str | None:
        """`met`, `missed`, `not measured`, or None without an aim."""
        return self.bound.verdict(self.value) if self.bound else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        aim = asdict(self.bound) if self.bound else None
        return {"what": self.what, "unit": self.unit, "value": self.value, "aim": aim, "verdict": self.verdict}


def show_and_write(
    console: Console,
    file: Path | None,
    benchmark: str,
    facts: dict[str, Any],
    figures: Sequence[Judged],
    grids: Sequence[Grid] = (),
    **more: Any,
) -> None:
    """Tables, then figures beside their aims; and all of it as JSON, where a file is wanted."""
    for grid in (*grids, *([judged_grid("figures", figures)] if figures else [])):
        console.print(grid.on_terminal())
    console.print(LOAD_DISTORTS)
    told = {"figures": [figure.as_dict() for figure in figures], "tables": [grid.as_dict() for grid in grids]}
    write_json(file, {"benchmark": benchmark, "machine": facts, "note": LOAD_DISTORTS, **told, **more})


def judged_grid(title: str, figures: Sequence[Judged]) -> Grid:
    """A table of them."""
    rows = [
        (figure.what, in_digits(figure.value), figure.unit, str(figure.bound or ""), figure.verdict or "")
        for figure in figures
    ]
    return Grid(title, ("", "value", "unit", "aim", "verdict"), rows)


def in_digits(value: float | None) -> str:
    """Three significant digits, but no fewer than the number has before its point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
