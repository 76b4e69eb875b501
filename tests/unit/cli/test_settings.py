"""`settings` lists each one with its default and its meaning, and no secret."""

from __future__ import annotations

from service.settings import Settings
from tests.integration.cli.conftest import CommandLine


def test_each_setting_has_a_line_and_a_meaning() -> None:
    done = CommandLine({"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=hush"})("settings")
    lines = done.stdout.splitlines()
    assert [line.partition("=")[0] for line in lines if not line.startswith(" ")] == [
        name.upper() for name in Settings.model_fields
    ]
    assert "HOST=127.0.0.1" in lines
    assert all(line.strip() not in ("", "None") for line in lines)
    assert "hush" not in done.stdout
