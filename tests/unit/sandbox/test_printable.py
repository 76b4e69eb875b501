"""Text of children: line ends kept, and nothing that steers a terminal."""

from __future__ import annotations

import pytest

from service.sandbox.printable import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 表", "plain é 表"),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("x\ty", "x y"),
        ("a\x1b[31mred\x07", "a�[31mred�"),
        ("turned\u202eback", "turned�back"),
        ("\x00\x7f\x9b", "���"),
        ("", ""),
    ],
)
def test_what_cannot_be_printed_is_replaced(text: str, shown: str) -> None:
    assert clean(text) == shown
