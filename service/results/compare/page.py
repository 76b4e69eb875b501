"""A comparison as one HTML file: no script, nothing from elsewhere, to be read on a screen or printed."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.engine.columns import ACTION_UNIT_NAMES, PRESENCES
from service.results.compare.comparison import Compared, Comparison

_templates = Environment(
    loader=PackageLoader("service.results.compare"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Bar:
    """One action unit as it is drawn; `low`, `high`, `desired` and `measured` in per cent of the scale."""

    unit: Compared
    name: str
    top: float
    low: float
    high: float
    desired: float
    measured: float | None


def page(comparison: Comparison) -> str:
    """The HTML; every text in it that came from outside is escaped."""
    return _templates.get_template("comparison.html").render(
        comparison=comparison,
        about=comparison.result.about,
        bars=[_bar(unit) for unit in comparison.action_units],
    )


def _bar(unit: Compared) -> Bar:
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
