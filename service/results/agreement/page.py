"""Write the agreement of two engines as one HTML file without scripts or outside resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from service.results.agreement.figures import Agreement, FacesOfBoth
from service.results.agreement.plots import DRAWN_REGIONS, angles, intensities, landmark_errors

HERE = Path(__file__).parent
STYLE = HERE.parent / "report"
"""Folder of the reports' style sheet."""


def page(pair: Sequence[str], kinds: Mapping[str, tuple[Agreement, FacesOfBoth]], left: Mapping[str, str]) -> str:
    """Render the page; all text from outside is escaped.

    Args:
        pair: names of the reference and of the engine held against it.
        kinds: by kind of media, its figures and the faces that they are of.
        left: files that were not compared, with the reason.
    """
    parts = [
        (kind, found, landmark_errors(faces), angles(faces), intensities(faces))
        for kind, (found, faces) in kinds.items()
    ]
    return _template().render(pair=pair, parts=parts, regions=DRAWN_REGIONS, left=left)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader([HERE, STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("agreement.html.j2")


def number(value: float | None) -> str:
    """Format a figure; a dash where nothing was measured, never 0."""
    return "–" if value is None else f"{round(value, 2) + 0.0:,.2f}".replace("-", "−")
