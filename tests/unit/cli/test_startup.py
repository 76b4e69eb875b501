"""Errors of commands: one sentence each, and the exit code that scripts decide by."""

from __future__ import annotations

import pytest

from service.cli.startup import (
    EXIT_ENGINE_UNAVAILABLE,
    EXIT_FAILED,
    EXIT_USAGE,
    Refused,
    exit_on_error,
    load_settings,
)
from service.errors import AnalysisError, EngineUnavailable, NotFound, StorageUnavailable
from service.settings import BadSettings


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (EngineUnavailable("no engine"), EXIT_ENGINE_UNAVAILABLE, "Error: no engine\n"),
        (StorageUnavailable("away"), EXIT_FAILED, "Error: away (storage_unavailable)\n"),
        (NotFound("no job 7", "job_not_found"), EXIT_FAILED, "Error: no job 7 (job_not_found)\n"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: AnalysisError, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, exit_on_error():
        raise error
    assert (ended.value.code, capsys.readouterr()) == (code, ("", said))


def test_wrong_settings_are_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="PORT") as refused, exit_on_error():
        raise BadSettings("PORT: no number")
    assert refused.value.exit_code == EXIT_USAGE
    monkeypatch.setenv("PORT", "no number")
    monkeypatch.setenv("LEASE_S", "0")
    # All of them at once.
    with pytest.raises(Refused, match=r"PORT[\s\S]*LEASE_S"):
        load_settings()


def test_a_fault_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), exit_on_error():
        raise KeyError("fault")
