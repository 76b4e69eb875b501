"""A child of one request: what it finds of the file is an answer, a full disk an exit code, a fault a traceback."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from service.errors import UnreadableMedia
from service.sandbox.child_once import EXIT_DISK_FULL, serve_once


def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> dict[str, Any]:
    def do(path: str) -> dict[str, Any]:
        if error:
            raise error
        return {"path": path, "named": "é"}

    answer = tmp_path / "answer.json"
    monkeypatch.setattr(sys, "argv", ["child", json.dumps({"path": "a"}), str(answer)])
    serve_once(do)
    return dict(json.loads(answer.read_text("utf-8")))


def test_the_answer_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answered(tmp_path, monkeypatch) == {"path": "a", "named": "é"}


def test_a_file_that_cannot_be_used_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = answered(tmp_path, monkeypatch, UnreadableMedia("cut short"))
    assert found == {"error": "UnreadableMedia", "message": "cut short"}
    assert answered(tmp_path, monkeypatch, MemoryError())["error"] == "MediaTooLarge"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    with pytest.raises(SystemExit) as ended:
        answered(tmp_path, monkeypatch, OSError(number, "full"))
    assert ended.value.code == EXIT_DISK_FULL
    assert not (tmp_path / "answer.json").exists()


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), KeyError("fault")])
def test_any_other_error_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with pytest.raises(type(error)):
        answered(tmp_path, monkeypatch, error)
