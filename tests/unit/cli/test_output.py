"""What comes from outside is shown, and steers nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from service.cli.output import aligned, draw, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain ü 顔", "plain ü 顔"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("two\nlines\t", "two\\nlines\\t"),
        ("right\u202eto left", "right\\u202eto left"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_control_characters_are_escaped(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert shown("\n" * 9, 3) == "\\n\\n…"
    assert shown("abc", 3) == "abc"


def test_wide_characters_keep_columns_below_each_other() -> None:
    assert aligned([["a", "b"], ["顔", "c"]]) == ["a   b", "顔  c"]


def test_a_terminal_gets_no_markup_and_short_ids() -> None:
    out = io.StringIO()
    row = ["0123456789abcdef", "[red]x[/] [/bad]"]
    draw(Console(file=out, force_terminal=True, width=60), ["ID", "UPLOAD"], [row])
    assert "0123456789ab " in out.getvalue()
    assert "cdef" not in out.getvalue()
    assert "[red]x[/] [/bad]" in out.getvalue()


def test_a_narrow_terminal_cuts_the_last_column_alone() -> None:
    out = io.StringIO()
    row = ["0123456789abcdef", "superseded", "a name that is too long for that"]
    draw(Console(file=out, force_terminal=True, width=40), ["ID", "STATE", "UPLOAD"], [row])
    assert "0123456789ab  superseded  a name that i…" in out.getvalue()
