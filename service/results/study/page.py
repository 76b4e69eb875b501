"""Write a study's report: one page without scripts, in the colours and typefaces of a job's report."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from service.engine.columns import ACTION_UNIT_NAMES
from service.errors import advice_for
from service.results.quality_gate import CONFIDENCE, WHY
from service.results.report.page import number, visible
from service.results.study.distribution import GAP_S
from service.results.study.overview import StudyOverview

HEIGHT = 100


def page(study: str, overview: StudyOverview) -> str:
    """Render the page."""
    html: str = _template().render(
        study=study,
        overview=overview,
        quality=overview.quality,
        names=ACTION_UNIT_NAMES,
        confidence=CONFIDENCE,
        why=WHY,
        gap_s=GAP_S,
        bars=bars,
        advice_for=advice_for,
    )
    return html


def bars(counts: list[int]) -> Markup:
    """Draw counts as bars from left to right, the highest over the whole height."""
    highest = max(counts, default=0) or 1
    shapes = "".join(
        f'<rect x="{place}" y="{HEIGHT - height}" width=".9" height="{height}"/>'
        for place, count in enumerate(counts)
        # A single row among thousands is still seen.
        if (height := max(round(HEIGHT * count / highest, 1), 1.0) if count else 0)
    )
    return Markup(
        f'<svg viewBox="0 0 {len(counts)} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>'
    )


def per_cent(part: float, whole: float) -> str:
    """Write a share as whole per cent, never 100 where it is less."""
    return f"{int(100 * part / whole)} %" if whole else "–"


@cache
def _template() -> Any:
    folders = [Path(__file__).parent, Path(__file__).parent.parent / "report"]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "visible": visible}
    environment.globals |= {"per_cent": per_cent}
    return environment.get_template("study.html.j2")
