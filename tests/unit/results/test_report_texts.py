import pytest

from service.results.report.page import visible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo\u202egpj.exe", "photo⟨U+202E⟩gpj.exe"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("שלום.jpg", "שלום.jpg"),
        ("plain.jpg", "plain.jpg"),
    ],
)
def test_characters_that_turn_the_direction_of_text_are_shown(name, shown):
    assert visible(name) == shown
