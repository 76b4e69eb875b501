"""A table of words that is shown on a terminal, kept as JSON and put into a page of Markdown, always the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """Headings and rows, as wide as the headings; the first column is on the left, the others on the right."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """From JSON."""
        return cls(told["title"], told["headings"], told["rows"])

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"title": self.title, "headings": list(self.headings), "rows": [list(row) for row in self.rows]}

    def on_terminal(self) -> Table:
        """For rich."""
        table = Table(title=self.title)
        for number, heading in enumerate(self.headings):
            table.add_column(heading, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def in_markdown(self) -> str:
        """With its title above."""
        rule = ["---", *["---:"] * (len(self.headings) - 1)]
        lines = [self.headings, rule, *([cell.replace("|", r"\|") for cell in row] for row in self.rows)]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(line)} |" for line in lines), ""])
