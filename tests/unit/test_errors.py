"""Every error has a code, an HTTP status and advice."""

from __future__ import annotations

from service.errors import RUN_AGAIN, AnalysisError, EngineTimeout, _tree, advice_for


def test_every_error_has_advice_in_whole_sentences() -> None:
    for kind in _tree(AnalysisError):
        assert kind.advice[0].isupper() and kind.advice[-1] in ".)", kind
        assert 20 < len(kind.advice) < 300, kind


def test_every_code_of_the_tree_gives_its_advice() -> None:
    for kind in _tree(AnalysisError):
        if kind.__module__ == "service.errors" and kind.code != "internal_error":
            assert advice_for(kind.code) == kind.advice
    assert "ENGINE_TIME_LIMIT_S" in advice_for(EngineTimeout.code)


def test_a_code_of_another_version_gives_general_advice() -> None:
    assert advice_for("of_the_future") == RUN_AGAIN


def test_statuses_are_errors() -> None:
    assert all(400 <= kind.http_status < 600 for kind in _tree(AnalysisError))
