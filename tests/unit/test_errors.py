"""Nobody is left alone with an error."""

from __future__ import annotations

from collections.abc import Iterator

from service.errors import ADVICE, AnalysisError, advice


def _tree(kind: type[AnalysisError]) -> Iterator[type[AnalysisError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


def test_every_error_has_its_advice() -> None:
    codes = {kind.code for kind in _tree(AnalysisError) if kind.__module__ == "service.errors"}
    assert codes == set(ADVICE)
    assert all(text[0].isupper() and text[-1] in ".)" for text in ADVICE.values())
    assert all(20 < len(text) < 300 for text in ADVICE.values())


def test_a_code_of_another_version_has_some() -> None:
    assert advice("of_the_future")
