"""What a figure is held against, and how it stands to it; the same for every benchmark of the analyser."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.told import verdict

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Bound:
    """The most or the least that a figure may be; one of the two is given."""

    at_most: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"

    def verdict(self, value: float | None) -> str:
        """`met`, `missed` or `not measured`."""
        if value is None:
            return NOT_MEASURED
        return verdict(value <= self.at_most if self.at_most is not None else value >= (self.at_least or 0.0))
