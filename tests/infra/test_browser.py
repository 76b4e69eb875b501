"""Which browser the tests take."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local import browser


def _executable(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_first_known_name_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chrome = _executable(tmp_path / "a", "google-chrome")
    _executable(tmp_path / "a", "netscape")
    monkeypatch.setenv("PATH", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert browser.find_browser() == chrome
    chromium = _executable(tmp_path / "b", "chromium")
    assert browser.find_browser() == chromium


def test_where_there_is_none_it_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No apt-get on this path either, so nothing is installed.
    monkeypatch.setenv("PATH", str(tmp_path))
    browser.main()
    assert capsys.readouterr().out == f"{browser.ADVICE}\n"
