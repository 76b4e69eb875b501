"""Sentences of errors for pages: one for each code, whole, and none for another code."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from service.errors import RUN_AGAIN, AnalysisError, EngineTimeout
from service.web.error_texts import ADVICE, ERRORS, TITLES, WHOLE


def kinds(kind: type[AnalysisError] = AnalysisError) -> list[type[AnalysisError]]:
    found = [each for each in kind.__subclasses__() if each.__module__ == "service.errors"]
    return [*found, *(deeper for each in found for deeper in kinds(each))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_each_error_has_a_sentence_and_its_own_advice(kind: type[AnalysisError]) -> None:
    sentence = ERRORS[kind.code]
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
    assert ADVICE[kind.code]


def test_what_says_all_has_a_sentence() -> None:
    assert set(ERRORS) >= WHOLE
    assert ADVICE[EngineTimeout.code] == EngineTimeout.advice
    assert RUN_AGAIN


def test_a_title_is_the_status_in_words() -> None:
    assert all(HTTPStatus(status) for status in TITLES)
    assert (TITLES[404], TITLES[503]) == ("Not Found", "Service Unavailable")
