"""A comparison as a page: its numbers, and nothing of a hostile name."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from service.results.compare.comparison import compare
from service.results.compare.measured import measure_result
from service.results.compare.page import page
from tests.fixtures.comparable_results import face, parameters, result


class _Cells(HTMLParser):
    """Tags, and the text of table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onerror"}

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip()


def test_the_page_has_the_numbers_and_nothing_of_a_hostile_name(tmp_path: Path) -> None:
    hostile = {"id": "0" * 32, "blob": "<script>alert(1)</script>.jpg"}
    one = result(tmp_path / "a", "image", [face(AU01_r=0.5, AU12_r=2.61)], job=hostile)
    text = page(compare(parameters(AU01_r=(0.5, 0.1), AU12_r=(1.7, 0.4), AU04_r=(0.0, 0.5)), measure_result(one)))
    read = _Cells()
    read.feed(text)
    assert "script" not in read.tags
    assert "&lt;script&gt;" in text
    row = read.cells.index("AU12_rLip corner puller")
    assert read.cells[row + 1 : row + 6] == ["", "1.70 ± 0.40", "2.61", "+0.91", "outsideby 0.51"]
    row = read.cells.index("AU04_rBrow lowerer")
    assert read.cells[row + 2 : row + 5] == ["0.00 ± 0.50", "-", "-"]
    assert read.cells[row + 5].startswith("not measured")
    assert "url(" not in text and "@import" not in text
