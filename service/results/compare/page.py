"""Write a comparison as one HTML file without scripts or outside resources, for the screen or for print."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.engine.columns import ACTION_UNIT_NAMES, PRESENCES
from service.results.compare.comparison import Comparison, UnitComparison

_templates = Environment(
    loader=PackageLoader("service.results.compare"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Bar:
    """One action unit of the drawing; `low`, `high`, `desired` and `measured` in per cent of the scale."""

    unit: UnitComparison
    name: str
    top: float
    low: float
    high: float
    desired: float
    measured: float | None


def page(comparison: Comparison) -> str:
    """Render the HTML; all text from outside is escaped."""
    return _templates.get_template("comparison.html").render(
        comparison=comparison,
        about=comparison.result.about,
        bars=[_bar(unit) for unit in comparison.action_units],
    )


def _bar(unit: UnitComparison) -> Bar:
    top = 1.0 if unit.column in PRESENCES else 5.0

    def place(value: float) -> float:
        return round(min(max(value / top, 0.0), 1.0) * 100, 2)

    return Bar(
        unit=unit,
        name=ACTION_UNIT_NAMES[unit.column[:4]].capitalize(),
        top=top,
        low=place(unit.desired - unit.tolerance),
        high=place(unit.desired + unit.tolerance),
        desired=place(unit.desired),
        measured=None if unit.measured is None else place(unit.measured),
    )
